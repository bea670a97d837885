"""Tables that hold what single entries state: versions of the registry, keys of checkpoints, servers, alarms."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Row, Table, is_json

ALARMS: Final = ("log.anchoring_late", "log.anchoring_resumed", "log.checkpoint_refused", "log.anchor_contradicted")


class Version(Row):
    """One version of the registry; the entry states the SHA-256 of its text."""

    version: int
    sha256: str | None
    loaded_by: str
    loaded_seq: int
    loaded_at: str | None = None


class Registries(Table[Version]):
    """A row for each ``log.registry_loaded``."""

    name = "registries"
    row = Version
    made = "loaded_seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.registry_loaded": self._loaded}

    def key(self, found: Found) -> str:
        return str(found["version"])

    def agrees(self, column: str, row: Version, value: Any) -> bool:
        if column == "text":
            return sha256(str(value).encode("utf-8", "surrogateescape")).hexdigest() == row.sha256
        return super().agrees(column, row, value)

    def _loaded(self, told: Statement) -> None:
        version = told.number("version")
        if version is not None:
            loaded = Version(
                version=version,
                sha256=told.text("sha256"),
                loaded_by=told.login,
                loaded_seq=told.seq,
                times={"loaded_at": told.at},
            )
            self.rows.put(str(version), loaded)


class KeyStatement(Row):
    """One signed statement about the keys that sign checkpoints."""

    nth: int
    change: str | None
    key: str | None
    statement: str | None
    seq: int


class KeyStatements(Table[KeyStatement]):
    """A row for each ``log.key_stated``, counted from 1."""

    name = "key_statements"
    row = KeyStatement
    made = "seq"
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.key_stated": self._stated}

    def key(self, found: Found) -> str:
        return str(found["nth"])

    def _stated(self, told: Statement) -> None:
        self._count += 1
        change, key, statement = told.text("change"), told.text("key"), told.text("statement")
        stated = KeyStatement(nth=self._count, change=change, key=key, statement=statement, seq=told.seq)
        self.rows.put(str(self._count), stated)


class Alarm(Row):
    """An alarm of the notary's."""

    seq: int
    type: str
    details: Any
    told_at: str | None = None


class Alarms(Table[Alarm]):
    """A row for each alarm, so that one which goes on is not told again and again."""

    name = "alarms"
    row = Alarm
    made = "seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return dict.fromkeys(ALARMS, self._told)

    def key(self, found: Found) -> str:
        return str(found["seq"])

    def agrees(self, column: str, row: Alarm, value: Any) -> bool:
        if column == "details":
            return is_json(value, row.details)
        return super().agrees(column, row, value)

    def _told(self, told: Statement) -> None:
        alarm = Alarm(seq=told.seq, type=told.type, details=dict(told.details), times={"told_at": told.at})
        self.rows.put(str(told.seq), alarm)


class Recovery(Row):
    """A server, and a time line of it, on which people may read."""

    seq: int
    system_identifier: str | None
    timeline: int | None
    relation: int | None
    by: str
    at: str | None = None


class Recoveries(Table[Recovery]):
    """A row for each ``log.restored``. The server on which the log began has one without an entry."""

    name = "recoveries"
    row = Recovery
    made = "seq"

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.restored": self._restored}

    def key(self, found: Found) -> str:
        return str(found["seq"])

    def is_lawful(self, found: Found) -> bool:
        is_first = found["seq"] is None and not self._has_begun
        self._has_begun |= is_first
        return is_first

    def _restored(self, told: Statement) -> None:
        recovery = Recovery(
            seq=told.seq,
            system_identifier=told.text("system_identifier"),
            timeline=told.number("timeline"),
            relation=told.number("relation"),
            by=told.login,
            times={"at": told.at},
        )
        self.rows.put(str(told.seq), recovery)
