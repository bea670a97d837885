"""Hands out values to plant, and remembers through which entrance each of them went."""

from typing import Final

from tests.planted.kinds import KINDS
from tests.planted.maker import Maker
from tests.planted.plant import Plant
from tests.planted.search import Planted
from unbroken.core.normalise import Json

APART: Final = 12
"""How far entrances are apart in the row of kinds: so many rounds bring every kind through one entrance or another."""
ALL: Final = len(KINDS)
"""So many rounds bring every kind through every entrance."""


class Planter:
    """For one run; in each round an entrance gets the next kind of the row."""

    def __init__(self, seed: object) -> None:
        self._maker = Maker(seed)
        self._entrances: dict[str, int] = {}
        self._skipped = 0
        self.round = 0
        self.planted: list[Planted] = []

    @property
    def entrances(self) -> tuple[str, ...]:
        """Those used so far."""
        return tuple(self._entrances)

    def text(self, entrance: str) -> str:
        """A text with a plant in it."""
        return self._plant(entrance).text

    def line(self, entrance: str, *, most: int = 200) -> str:
        """A text of one line with a plant in it, and no longer than a command takes."""
        while True:
            plant = self._made(entrance)
            if len(plant.text.encode()) <= most and "\n" not in plant.text:
                return self._add(entrance, plant).text
            self._skipped += 1

    def value(self, entrance: str) -> Json:
        """A JSON value with a plant in it."""
        return self._plant(entrance).value

    def number(self, entrance: str) -> Json:
        """A plant that is an integer under its key."""
        kinds = [kind for kind in KINDS if kind.as_number]
        kind = kinds[self.round % len(kinds)]
        return self._add(entrance, kind.plant(self._maker, kind.ways - 1)).value

    def name(self, entrance: str) -> str:
        """Somebody's name, to be an identity."""
        name = self._maker.name()
        return self._add(entrance, Plant("identity", name, name, (name, name.lower(), name.upper()))).text

    def mail(self, entrance: str) -> str:
        """Somebody's e-mail address, to be an identity."""
        address = f"{self._maker.word()}.{self._maker.word()}@example.org"
        return self._add(entrance, Plant("identity", address, address, (address, address.upper()))).text

    def _plant(self, entrance: str) -> Plant:
        return self._add(entrance, self._made(entrance))

    def _made(self, entrance: str) -> Plant:
        first = self._entrances.setdefault(entrance, APART * len(self._entrances))
        kind = KINDS[(first + self.round + self._skipped) % ALL]
        return kind.plant(self._maker, self._maker.number(0, 99))

    def _add(self, entrance: str, plant: Plant) -> Plant:
        self._entrances.setdefault(entrance, APART * len(self._entrances))
        self.planted.append(Planted(entrance, plant))
        return plant
