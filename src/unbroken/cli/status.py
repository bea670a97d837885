"""``unbroken status``: for people, and in its exit code for monitors."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from unbroken.cli.denials import denials_told
from unbroken.cli.kept_heads import KeptHeads, Seen, name_of
from unbroken.cli.known_logs import known_logs
from unbroken.cli.lengths import length_of
from unbroken.cli.printing import (
    amount,
    as_json_time,
    columns,
    console,
    counted,
    duration,
    moment,
    print_json,
    warn,
)
from unbroken.cli.report_view import verdict_in_words
from unbroken.cli.schema_status import schema_status
from unbroken.cli.signed_status import SignedStatus
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.core.entry import SEGMENT, Head
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store.log_reader import Grant, LogReader, LogSize, StatedHead
from unbroken.verify.chain import START

FINE: Final = 0
BROKEN: Final = 1
STALE: Final = 3
DUTIES: Final = "verifier, ops, compliance, legal, dpo, retention or access"
_WORST_FIRST: Final = (BROKEN, STALE, FINE)


RECORDING: Final = ("writer", "server")
"""The duties of those who may record."""


@dataclass(frozen=True, slots=True)
class LogStatus:
    """One log at one time; times are aware UTC. ``writers`` is ``None`` where this login may not know them."""

    log: str
    end: StatedHead | None
    writers: list[Grant] | None
    size: LogSize
    seen: Seen | None
    signed: SignedStatus | None
    now: datetime

    @property
    def head(self) -> Head:
        """The log's end, as the database states it."""
        return START if self.end is None else self.end.head

    @property
    def since_verified(self) -> timedelta | None:
        """Since the last verdict over the whole log, by this machine's clock."""
        return None if self.seen is None else self.now - self.seen.at

    @property
    def lost_its_head(self) -> bool:
        """Whether the log has plainly lost the head that was seen before, without looking further."""
        kept = None if self.seen is None else self.seen.kept
        return kept is not None and (self.head.seq < kept.seq or (self.head.seq == kept.seq and self.head != kept))

    @property
    def partitions_ahead(self) -> int:
        """Partitions that are attached and hold nothing yet."""
        used = (self.head.seq + SEGMENT - 1) // SEGMENT
        return max(self.size.partitions - max(used, 1), 0)

    def exit_code(self, max_age: timedelta) -> int:
        """What a monitor is to be told."""
        if self.signed is not None and self.signed.closed_because is not None:
            return BROKEN
        if self.lost_its_head or (self.seen is not None and self.seen.verdict in ("findings", "unverifiable")):
            return BROKEN
        return STALE if self.since_verified is None or self.since_verified > max_age else FINE


def status(
    max_age: Annotated[
        str, typer.Option(metavar="AGE", help="How old the last verdict may be, such as 90m, 36h or 7d.")
    ] = "1d",
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell how a log is doing, in text and in the exit code.

    Of all logs in the store, or of --log. It verifies nothing: it tells the
    last verdict that `unbroken verify` kept in your state directory,
    whether the log's end still is at or after the head seen then, and how
    many faults `unbroken db check` would list. On a server any login will do
    but those that record or answer data subjects. It reads no entries, and
    records nothing.

    \b
    Exit codes:
      0  the last verdict was good and is not older than --max-age
      1  the last verification found something, the head seen is gone, the
         log was closed by its notary, or the database's schema and roles are
         not as released
      2  wrong usage, or the database can't be reached
      3  never verified by you, or too long ago

    \b
    Examples:
      unbroken status
      unbroken status --log clinic.example/agents --max-age 36h
      unbroken status --json | jq '.logs[].head'
    """
    oldest = length_of(max_age, option="--max-age")
    with denials_told("`unbroken status`", duties=DUTIES):
        names = known_logs(store) if log is None else [log]
        if not names:
            raise ConfigurationError("there is no log here: run `unbroken init`")
        found = [_status(store, name) for name in names]
        schema = schema_status(store)
    codes = [BROKEN if schema.faults else FINE, *(each.exit_code(oldest) for each in found)]
    code = min(codes, key=_WORST_FIRST.index)
    if json:
        logs = [_as_json(each, oldest) for each in found]
        print_json({"store": name_of(store), "exit_code": code, "schema": schema.as_json(), "logs": logs})
    else:
        _print(found, oldest)
        console().print(columns([("schema", schema.in_words())]))
    raise typer.Exit(code)


def _status(store: str, log: str) -> LogStatus:
    with open_reader(store, log) as reader:
        return LogStatus(
            log=reader.log,
            end=reader.stated_head(),
            writers=_writers_of(reader),
            size=reader.size(),
            seen=_recall(store, reader),
            signed=SignedStatus.of(reader),
            now=datetime.now(UTC),
        )


def _writers_of(reader: LogReader) -> list[Grant] | None:
    try:
        return [grant for grant in reader.grants() if grant.duty in RECORDING]
    except AccessDeniedError:
        return None


def _recall(store: str, reader: LogReader) -> Seen | None:
    kept = KeptHeads()
    try:
        return kept.recall(name_of(store), reader.log)
    except OSError as error:
        warn(f"{kept} can't be read: {error.strerror}")
        return None


def _print(found: list[LogStatus], max_age: timedelta) -> None:
    out = console()
    for number, each in enumerate(found):
        if number:
            out.print()
        out.print(
            columns(
                [
                    ("log", each.log),
                    ("head", str(each.head)),
                    ("last entry", _last_entry(each)),
                    *_signed(each),
                    ("writers", _writers(each)),
                    ("partitions", f"{each.size.partitions}, {each.partitions_ahead} ahead"),
                    *_sizes(each),
                    ("verdict", _verdict(each, max_age)),
                ]
            )
        )


def _last_entry(each: LogStatus) -> str:
    if each.end is None:
        return "none yet"
    return f"{duration(each.end.now - each.end.recorded_at)} ago ({moment(each.end.recorded_at)} UTC)"


def _signed(each: LogStatus) -> list[tuple[str, Text]]:
    if each.signed is None:
        return []
    style = "" if each.signed.closed_because is None else "bold red"
    return [("checkpoint", Text(printable(each.signed.in_words(each.head.seq, each.now)), style))]


def _writer(grant: Grant) -> Text:
    name = printable(grant.login)
    return Text(name) if grant.exists else Text(f"{name} (no such login any more)", "red")


def _writers(each: LogStatus) -> Text:
    if each.writers is None:
        return Text("(this login's duty does not show them)", "dim")
    text = Text(", ").join(
        Text(printable(grant.login))
        if grant.exists
        else Text(f"{printable(grant.login)} (no such login any more)", "red")
        for grant in each.writers
    )
    return text if each.writers else Text("none: see `unbroken login add`")


def _sizes(each: LogStatus) -> list[tuple[str, str]]:
    size, entries = each.size, each.head.seq
    total = amount(size.entries + size.indexes + size.payloads)
    if not entries:
        return [("on disk", total)]
    bare = (size.entries + size.indexes) / entries
    rows = [
        ("on disk", f"{total}: {amount(bare)} per entry, {amount(bare + size.payloads / entries)} with its payload")
    ]
    if size.wal is not None:
        share = amount(size.wal / entries)
        rows.append(("WAL", f"at most {share} per entry (all that the server wrote since the log was made)"))
    return rows


def _verdict(each: LogStatus, max_age: timedelta) -> Text:
    code = each.exit_code(max_age)
    style = {FINE: "green", STALE: "yellow", BROKEN: "bold red"}[code]
    if each.seen is None or each.since_verified is None:
        return Text("never verified by you: run `unbroken verify`", style)
    words = verdict_in_words(each.seen.verdict, upto=each.seen.upto, findings=each.seen.findings)
    text = Text(f"{words}, {duration(each.since_verified)} ago", style)
    if each.lost_its_head and each.seen.kept is not None:
        text.append(
            f"\nbut the head seen then, {each.seen.kept.seq:,}, is not the log's any more: run `unbroken verify`"
        )
    elif each.head.seq > each.seen.upto:
        text.append(f" ({counted(each.head.seq - each.seen.upto, 'entry')} since)", "default")
    if code == STALE:
        text.append("\ntoo long ago: run `unbroken verify`")
    return text


def _as_json(each: LogStatus, max_age: timedelta) -> dict[str, Any]:
    entries = each.head.seq
    bare = each.size.entries + each.size.indexes
    end = each.end
    return {
        "log": each.log,
        "exit_code": each.exit_code(max_age),
        "head": str(each.head),
        "last_recorded_at": None if end is None else as_json_time(end.recorded_at),
        "seconds_since_last": None if end is None else (end.now - end.recorded_at).total_seconds(),
        "writers": _writers_as_json(each),
        "partitions": each.size.partitions,
        "partitions_ahead": each.partitions_ahead,
        "bytes": {"entries": each.size.entries, "indexes": each.size.indexes, "payloads": each.size.payloads},
        "bytes_per_entry": bare / entries if entries else None,
        "bytes_per_entry_with_payload": (bare + each.size.payloads) / entries if entries else None,
        "wal_bytes_per_entry_at_most": each.size.wal / entries if entries and each.size.wal is not None else None,
        "checkpoint": None if each.signed is None else each.signed.as_json(),
        "kept_head": None if each.seen is None else each.seen.head,
        "kept_head_lost": each.lost_its_head,
        "verdict": _verdict_as_json(each),
    }


def _writers_as_json(each: LogStatus) -> list[dict[str, Any]] | None:
    if each.writers is None:
        return None
    return [
        {"login": grant.login, "granted_at": as_json_time(grant.granted_at), "exists": grant.exists}
        for grant in each.writers
    ]


def _verdict_as_json(each: LogStatus) -> dict[str, Any] | None:
    if each.seen is None or each.since_verified is None:
        return None
    return {
        "verdict": each.seen.verdict,
        "upto": each.seen.upto,
        "findings": each.seen.findings,
        "at": as_json_time(each.seen.at),
        "seconds_ago": each.since_verified.total_seconds(),
    }
