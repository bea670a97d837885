"""Disposals as the database carries them out: what is due is found, agreed on by two people, destroyed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.policies import AT_ONCE, put_in_force, tell
from tests.database.raw import Connection

START: Final = "select disposal::text, upto from unbroken.start_disposal(%s, %s)"
FREEZE: Final = "select * from unbroken.freeze_disposal(%s, %s, %s)"
PROPOSE: Final = "select unbroken.propose_disposal(%s, %s)"
DECIDE: Final = "select unbroken.decide_disposal(%s, %s, %s, %s, %s, %s, %s, %s)"
REVIEW: Final = "select unbroken.review_disposal(%s, %s, %s, %s)"
APPROVE: Final = "select unbroken.approve_disposal(%s, %s, %s)"
WITHDRAW: Final = "select unbroken.withdraw_disposal(%s, %s, %s)"
BEGIN: Final = "select unbroken.begin_disposal(%s, %s)"
BATCH: Final = "select * from unbroken.dispose_batch(%s, %s, %s)"
NOTE_GONE: Final = "select unbroken.note_gone(%s, %s)"
FINISH: Final = "select unbroken.finish_disposal(%s, %s, %s)"
CERTIFICATE: Final = "c" * 64
DUE: Final = {"domains": ["accounts"], "scope": ["account=1"]}
"""The fields of an event that is due at once under the policies of :func:`due_at_once`."""


def due_at_once(database: Database) -> None:
    """Puts a policy in force under which events with the fields :data:`DUE` are due as soon as they are recorded."""
    put_in_force(database, AT_ONCE)
    tell(database)


def due(text: str = '"something"', **more: Any) -> raw.Sent:
    """An event with a payload that is due at once."""
    return raw.sent({"inputs": text}, **{**DUE, **more})


@dataclass
class Disposing:
    """The steps, each as the login whose duty it is: of ``logins``, or else of one that is named after the duty."""

    database: Database
    log: str = LOG
    page: int = 10_000
    logins: Callable[[str], Connection] | None = None
    _connections: dict[str, Connection] = field(default_factory=dict)

    def login(self, name: str) -> Connection:
        if self.logins is not None:
            return self.logins(name)
        if name not in self._connections:
            self._connections[name] = self.database.connect(name)
        return self._connections[name]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def value(self, login: str, statement: str, *given: Any) -> Any:
        row = self.login(login).execute(statement.encode(), (self.log, *given)).fetchone()
        return None if row is None else row[0]

    def frozen(self, *, standing: bool = False) -> str:
        """A disposal whose candidates are all on the list."""
        disposal = str(self.value("retention", START, standing))
        while True:
            row = self.login("retention").execute(FREEZE, (self.log, disposal, self.page)).fetchone()
            assert row is not None
            if row[0] >= row[1]:
                return disposal

    def proposed(self, *, standing: bool = False) -> str:
        disposal = self.frozen(standing=standing)
        assert self.value("retention", PROPOSE, disposal) is not None
        return disposal

    def sha256(self, disposal: str) -> str:
        found = self.value("retention", "select sha256 from unbroken.disposals(%s) where disposal = %s", disposal)
        return str(found)

    def review(self, disposal: str) -> None:
        self.value("compliance", REVIEW, disposal, self.sha256(disposal), "looked through")

    def agree(self, disposal: str) -> None:
        """Has one person review what is proposed, and another approve of it."""
        self.review(disposal)
        self.value("legal", APPROVE, disposal, self.sha256(disposal))

    def reviewed(self) -> str:
        disposal = self.proposed()
        self.review(disposal)
        return disposal

    def approved(self) -> str:
        disposal = self.proposed()
        self.agree(disposal)
        return disposal

    def extend(self, disposal: str, numbers: str, *, days: float = 30) -> int:
        """Takes candidates out of it for so many days; returns the entry's number."""
        until = datetime.now(UTC) + timedelta(days=days)
        return int(self.value("compliance", DECIDE, disposal, "extend", None, numbers, until, None, "asked for"))

    def relabel(self, disposal: str, numbers: str, *domains: str) -> int:
        """Takes candidates out of it, to be looked at under other domains; returns the entry's number."""
        return int(
            self.value(
                "compliance", DECIDE, disposal, "relabel", None, numbers, None, list(domains), "wrongly labelled"
            )
        )

    def begun(self) -> str:
        disposal = self.approved()
        self.value("retention", BEGIN, disposal)
        return disposal

    def batch(self, disposal: str, limit: int = 1000) -> tuple[int | None, int, int, int, int]:
        """The entry's number, and how many payloads, originals, keys went and candidates were kept."""
        row = self.login("retention").execute(BATCH, (self.log, disposal, limit)).fetchone()
        assert row is not None
        return row[0], row[1], row[2], row[3], row[4]

    def emptied(self) -> str:
        disposal = self.begun()
        self.empty(disposal)
        return disposal

    def empty(self, disposal: str, limit: int = 1000) -> None:
        while self.batch(disposal, limit)[0] is not None:
            pass

    def vacuum(self) -> None:
        """Vacuums what disposals delete from, as whoever administers the server does."""
        self.database.admin.execute("vacuum unbroken.payloads, unbroken.originals")

    def is_gone(self, disposal: str) -> bool:
        return bool(self.value("retention", NOTE_GONE, disposal))

    def finish(self, disposal: str) -> int:
        return int(self.value("retention", FINISH, disposal, CERTIFICATE))

    def carry_out(self, disposal: str) -> None:
        """Everything from an approval to the last entry."""
        self.value("retention", BEGIN, disposal)
        self.empty(disposal)
        self.vacuum()
        assert self.is_gone(disposal)
        self.finish(disposal)

    def done(self) -> str:
        """Everything, from the candidates to the last entry."""
        disposal = self.approved()
        self.carry_out(disposal)
        return disposal

    def state(self, disposal: str) -> str:
        return str(self.value("retention", "select state from unbroken.disposals(%s) where disposal = %s", disposal))

    def row(self, disposal: str) -> dict[str, Any]:
        cursor = self.login("retention").execute(
            "select * from unbroken.disposals(%s) where disposal = %s", (self.log, disposal)
        )
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        found = cursor.fetchone()
        assert found is not None
        return dict(zip(names, found, strict=True))

    def holding(self) -> list[int]:
        """The numbers of recorders' entries that hold a payload."""
        rows = self.database.admin.execute(
            "select p.seq from unbroken.payloads p join unbroken.entries e using (log, seq)"
            " where e.event like '%\"recorder\"%' order by 1"
        )
        return [row[0] for row in rows]
