"""Keys and clocks for notaries in tests."""

from datetime import UTC, datetime, timedelta

from tests.conftest import LOG, Database
from tests.database.raw import append, sent
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.note import SigningKey
from unbroken.notary.local_key import LocalKey
from unbroken.notary.memory import Signed
from unbroken.notary.signer import Signer

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOW.replace(microsecond=250_000)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **length: int) -> None:
        self.now += timedelta(**length)


def signer(number: int = 1) -> Signer:
    key = SigningKey(key_name(LOG), bytes([number]) * 32)
    return Signer.of(LocalKey(key.verifier.public, key.secret), log=LOG)


def signed_by(by: Signer, size: int, *, incarnation: int = 1) -> Signed:
    """A checkpoint of any tree of this size."""
    checkpoint = Checkpoint(f"{LOG}~{incarnation}", size, b"r" * 32)
    return Signed(checkpoint, by.note(checkpoint, at=NOW), NOW)


def record(database: Database, count: int) -> None:
    with database.connect("writer") as connection:
        append(connection, [sent() for _ in range(count)])


def types(database: Database) -> list[str]:
    return [row[0] for row in database.admin.execute("select event_type from unbroken.entries order by seq")]


def forget_start(database: Database) -> None:
    """As if the server had been started anew."""
    database.admin.execute("update unbroken.continuity set started_at = started_at - interval '1 hour'")
