"""A log with a notary, anchors, and a superuser who can rewrite everything that the database holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from tests.conftest import LOG
from tests.database import raw
from tests.database.notarised import DIRECTORY, FILE, Notarised
from tests.database.planted_tree import lay_tiles
from unbroken.anchors.anchor import Submission, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.outside_checkpoints import gather
from unbroken.core import checkpoint
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.cosignature import CosigningKey
from unbroken.core.entry import hash_of, line_of
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import extended
from unbroken.store import administration
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader
from unbroken.store.sql import script
from unbroken.verify.finding import Report
from unbroken.verify.outside import Outside
from unbroken.verify.run import verify_log

ORIGIN = f"{LOG}~1"
TREE_TABLES = ("tiles", "checkpoints", "anchorings")


@dataclass
class Rewritable(Notarised):
    """A log with two anchors and a notary that signs whatever it is asked to, as somebody who stole its key would."""

    key: SigningKey = field(default_factory=lambda: SigningKey.generate(key_name(LOG)))

    def __post_init__(self) -> None:
        self.write([DIRECTORY, FILE])

    @property
    def trusted(self) -> TrustedLog:
        return TrustedLog(ORIGIN, (self.key.verifier,))

    def grant(self, *logins: str) -> None:
        """Gives these logins their duties as an installer does, each with its entry, and takes all others away."""
        self.database.admin.execute(script("ddl_guard_off"))
        self.do("alter table unbroken.grants disable trigger user")
        self.empty("grants")
        for login in logins:
            administration.install_grant(self.database.admin, LOG, login, duty=login)

    def record(self, count: int) -> None:
        """Some entries in a session."""
        with self.database.connect("writer") as writer:
            raw.append(writer, [raw.sent({"inputs": '{"n":1}'}, session_id="a") for _ in range(count)])

    def notarise(self, *, publish: Sequence[str] = ("nas", "site")) -> str:
        """One round: tiles, a signed checkpoint of all there is, its publication; the note."""
        with Checkpoints.open(self.database.conninfo("notary"), LOG) as notary:
            upto, at = notary.state().head, datetime.now(UTC)
            root = lay_tiles(notary, upto).root
            note = self.signed(upto, root, at=at)
            notary.store(upto, root, note, signed_at=at, each_start=False)
        submission = Submission.of(note, self.trusted, consistency=lambda _: ())
        for anchor in AnchorsFile.read(self.file).anchors(self.trusted):
            if anchor.name in publish:
                anchor.publish(submission)
        return note

    def signed(self, size: int, root: bytes, *, key: SigningKey | None = None, at: datetime) -> str:
        """A checkpoint as the notary signs one: with the time beside it."""
        by = key or self.key
        signed = Checkpoint(ORIGIN, size, root)
        return checkpoint.signed(signed, by) + CosigningKey(by.name, by.secret).cosign(str(signed), at=at)

    def outside(self) -> Outside:
        """What a verifier fetches."""
        with Checkpoints.open(self.database.conninfo("verifier"), LOG, writes=False) as checkpoints:
            return gather(AnchorsFile.read(self.file), checkpoints)

    def report(self, **more: Any) -> Report:
        """What a verifier finds with what it fetched."""
        outside = self.outside()
        with LogReader(self.database.conninfo("verifier"), LOG) as reader:
            return verify_log(reader, outside=outside, **more)

    def told(self, seq: int) -> Any:
        """The details of one of the log's own entries."""
        row = self.database.admin.execute(
            "select details::jsonb from unbroken.payloads where seq = %s", (seq,)
        ).fetchone()
        assert row is not None
        return row[0]

    # ---- the superuser ----

    def do(self, statement: str, *values: Any) -> None:
        self.database.admin.execute(statement.encode(), values)

    def empty(self, table: str) -> None:
        """Takes every row out of a table."""
        self.database.admin.execute(sql.SQL("delete from unbroken.{}").format(sql.Identifier(table)))

    def rewrite(self, first: int, *, writer: str = "mallory") -> None:
        """Changes who wrote an entry, and makes every hash after it fit."""
        rows = self.database.admin.execute(
            "select seq, session_seq, writer, event, prev_hash, to_char(recorded_at at time zone 'UTC',"
            ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') from unbroken.entries where seq >= %s order by seq',
            (first,),
        ).fetchall()
        previous: bytes | None = None
        for seq, session_seq, was, event, prev_hash, recorded_at in rows:
            by, before = writer if seq == first else was, previous or prev_hash
            line = line_of(
                event.encode(),
                log=ORIGIN,
                prev_hash=before.hex(),
                principal=None,
                recorded_at=recorded_at,
                seq=seq,
                session_seq=session_seq,
                writer=by,
            )
            previous = hash_of(line)
            self.do(
                "update unbroken.entries set writer = %s, prev_hash = %s, hash = %s where seq = %s",
                *(by, before, previous, seq),
            )

    def truncate(self, last: int) -> None:
        """Takes all entries after ``last`` out of every table, and what the sessions say of them."""
        for table in ("payloads", "event_ids", "entries"):
            statement = sql.SQL("delete from unbroken.{} where seq > %s").format(sql.Identifier(table))
            self.database.admin.execute(statement, (last,))
        self.do("delete from unbroken.sessions where first_seq > %s", last)
        if last == 0:
            self.empty("recorders")
        self.do(
            "update unbroken.sessions set entries = e.entries, last_seq = e.last from (select session_id, count(*) as"
            " entries, max(seq) as last from unbroken.entries group by session_id) e"
            " where sessions.session_id = e.session_id"
        )
        self.do(
            "delete from unbroken.retention_classes c"
            " where not exists (select from unbroken.entries e where e.log = c.log and e.class = c.class)"
        )
        for table in ("checkpoints", "anchorings"):
            statement = sql.SQL("delete from unbroken.{} where size > %s").format(sql.Identifier(table))
            self.database.admin.execute(statement, (last,))

    def fix_tree(self, note_of: Callable[[int, bytes, str], str]) -> None:
        """Makes tiles and stored checkpoints fit the entries that are there; ``note_of`` gives each its new note."""
        leaves = [row[0] for row in self.database.admin.execute("select hash from unbroken.entries order by seq")]
        extension = extended(EMPTY, leaves)
        self.do("delete from unbroken.tiles")
        for tile, hashes in {**extension.full, **extension.partial}.items():
            if tile.level:
                self.do("insert into unbroken.tiles values (1, %s, %s, %s)", tile.level, tile.index, hashes)
        for size, note in self.database.admin.execute("select size, note from unbroken.checkpoints").fetchall():
            root = extended(EMPTY, leaves[:size]).edge.root
            self.do(
                "update unbroken.checkpoints set root = %s, note = %s where size = %s",
                *(root, note_of(size, root, note), size),
            )
