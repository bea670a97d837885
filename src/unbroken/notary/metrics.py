"""Figures for a monitor, as a file of Prometheus' text format that its node exporter picks up."""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from unbroken.errors import ConfigurationError

_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Figure(Protocol):
    """One value, a gauge."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def help(self) -> str:
        """What it means, in a sentence."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """What it is of."""
        ...

    @property
    def value(self) -> float:
        """How much."""
        ...


@dataclass(frozen=True, slots=True)
class Gauge:
    """A :class:`Figure`."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def text_of(figures: Iterable[Figure]) -> str:
    """The figures in the text format, those of one name together."""
    by_name: dict[str, list[Figure]] = {}
    for each in figures:
        by_name.setdefault(each.name, []).append(each)
    return "".join(line for name, some in by_name.items() for line in _family(name, some))


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Puts the figures in the place of what the file said, whole: whoever reads it sees no half.

    Raises :class:`ConfigurationError` where the file can't be written. It need not survive a power cut.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_text(text_of(figures), encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ConfigurationError(f"the metrics file {path} can't be written ({error.strerror})") from error


def _family(name: str, figures: list[Figure]) -> Iterable[str]:
    yield f"# HELP {name} {figures[0].help}\n"
    yield f"# TYPE {name} gauge\n"
    for each in figures:
        labels = ",".join(f'{key}="{value.translate(_ESCAPED)}"' for key, value in sorted(each.labels.items()))
        yield f"{name}{{{labels}}} {each.value:.17g}\n"
