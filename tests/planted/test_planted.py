"""Nothing that was planted is found again in clear, wherever it went in; without protection all of it is.

What is searched: the server's data files after a checkpoint and its write-ahead log, with compression off; the server's
own log, made to tell every statement with its parameters; all tables as text; the spool's files during an outage; what
the commands print and keep; the exceptions that the library raises, with their causes; whatever is logged at DEBUG.

Not searched: the file of the log's key, what a program that records gets back or raises itself, places that it carries
elsewhere, and what a command shows to the one who typed it. What a search is for stands in the server's log, but only
because it is made to tell the parameters of statements here.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Database
from tests.planted.kinds import KINDS
from tests.planted.own_rules import OWN
from tests.planted.places import listening
from tests.planted.planter import ALL, APART, Planter
from tests.planted.scenario import MishapError, Told
from tests.planted.scene import GUARDED, OPEN, Scene
from tests.planted.search import Left

_PARTS: Final = 12
_ASKED: Final = ("typed: query actions, user", "typed: query access, resource")
"""What a search is for: the server is asked for it, as older entries may hold it, and its log of statements tells."""
_SERVER_LOGS: Final = ("file server.log", "file log")
_OWN: Final = frozenset(kind.name for kind in OWN)
"""Kinds of the log's own rules, which reasons of grants and ids of sessions that are typed are not masked by."""
_BY_BUILT_IN_RULES: Final = ("typed: grant, reason", "typed: revoke, reason", "typed: show, session")
_NEVER_KEPT: Final = ("refused ", "broken import", "typed: ")
"""Entrances of what is refused or only asked for, and of what is masked whatever the registry says."""
_NOT_TOLD: Final = {"session, cause of an exception", "tool, exception in a group", "event, object that is no JSON"}
"""Of exceptions an event tells the outermost alone, and of objects that are no JSON the type."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    yield made
    shutil.rmtree(made)


def is_allowed(left: Left) -> bool:
    """Whether the documents say that this may be left there."""
    if left.entrance in _ASKED:
        return left.place in _SERVER_LOGS
    return left.entrance in _BY_BUILT_IN_RULES and left.kind in _OWN


def told(left: Iterable[Left]) -> list[str]:
    """Which entrances leak into which places, a line for each, with one of the kinds."""
    leaks = {
        (each.entrance, each.place.partition("/")[0]): f"{each.kind}, {each.form}, {each.needle}"
        for each in left
        if not is_allowed(each)
    }
    return [f"{entrance} -> {place}: {what}" for (entrance, place), what in sorted(leaks.items())]


def test_nothing_is_left_of_what_was_planted(database: Database, folder: Path) -> None:
    scene = Scene(database, folder, GUARDED, Planter("quick"))
    # So many rounds bring every kind through one entrance or another; the older server gets some of them.
    rounds = range(APART if database.server.kind == "embedded" else 2)
    leaks = told(scene.play(rounds, seldom=range(1)))
    assert not leaks, "\n".join(leaks)
    assert scene.originals() > 100
    if len(rounds) == APART:
        assert {planted.plant.kind for planted in scene.plant.planted} >= {kind.name for kind in KINDS}


def test_without_protection_the_same_search_finds_all(database: Database, folder: Path) -> None:
    scene = Scene(database, folder, OPEN, Planter("open"))
    left = scene.play(range(1), seldom=range(1))
    found = {each.entrance for each in left if each.place.startswith("rows")}
    assert len(scene.plant.entrances) > 180
    assert scene.originals() == 0
    kept = {name for name in scene.plant.entrances if not name.startswith(_NEVER_KEPT)} - _NOT_TOLD
    assert kept - found == set()
    places = {each.place for each in left}
    for place in ("data", "write-ahead log", "file", "spool", "output of tail", "output of show", "output of sessions"):
        assert any(each.startswith(place) for each in places), place


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(_PARTS))
def test_nothing_is_left_of_any_kind_through_any_entrance(part: int, database: Database, folder: Path) -> None:
    if database.server.kind != "embedded" and part % 6:
        pytest.skip("the older server gets two parts of twelve")
    share = -(-ALL // _PARTS)
    rounds = range(part * share, (part + 1) * share)
    leaks = told(Scene(database, folder, GUARDED, Planter(part)).play(rounds, seldom=rounds))
    assert not leaks, "\n".join(leaks)


def test_what_exceptions_and_loggers_say_is_searched_in_full() -> None:
    said = Told()
    error = MishapError("outside")
    error.__cause__ = KeyError("inside")
    said.add(error)
    assert "outside" in said.texts[0]
    assert "inside" in said.texts[0]
    with listening() as heard:
        logging.getLogger("unbroken.anything").debug("a %s", "b", exc_info=MishapError("c"))
    assert "a b" in heard.lines[0]
    assert "MishapError: c" in heard.lines[0]
