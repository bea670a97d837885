"""One export from its order to the bundle in its place, with the read and the export on record."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

import unbroken
from unbroken.anchors.served import served
from unbroken.cli.export_asked import Asked, is_newest
from unbroken.cli.exporter_key import exporter_key
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import warn
from unbroken.cli.reading import LONGEST, Reading, open_read
from unbroken.core.event import decode_event
from unbroken.core.incarnation import origin_of
from unbroken.errors import AccessDeniedError, ConfigurationError, UnbrokenError
from unbroken.investigate.bundle.choosing import by_what_is_known, chosen
from unbroken.investigate.bundle.contents import Contents, Plan
from unbroken.investigate.bundle.making import Bundle, Exporting
from unbroken.investigate.bundle.proving import Covering
from unbroken.store.log_reader import LogReader
from unbroken.verify.bundle.manifest import Manifest
from unbroken.verify.bundle.report import BundleReport
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import Finding

MAY_EXPORT: Final = ("compliance", "legal", "dpo")
MADE: Final = 0
FINDINGS: Final = 1
UNPROVEN: Final = 3
_READING: Final = timedelta(hours=8)
_PACKED: Final = ".zip"


@dataclass(frozen=True)
class Order:
    """What is to be exported, and where to."""

    out: Path
    asked: Asked
    withheld: frozenset[str]
    with_range: bool
    draft: bool
    seconds: float
    cosigners: Sequence[str]
    key: Path | None
    purpose: str | None
    case: str | None
    store: str
    log: str | None


@dataclass(frozen=True)
class Done:
    """What became of it. Without ``report`` nothing was made, because of the findings."""

    findings: tuple[Finding, ...] = ()
    findings_total: int = 0
    manifest: Manifest | None = None
    exported: int | None = None
    covering: Covering | None = None
    report: BundleReport | None = None

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        if self.findings_total:
            return FINDINGS
        is_shown = self.report is not None and self.report.proof and not self.report.elsewhere
        return MADE if is_shown or self.exported is None else UNPROVEN


@dataclass(frozen=True)
class _Recorded:
    """What the log says of this read: masked, and with people as keyed pseudonyms."""

    login: str
    purpose: str
    case: str | None
    scope: Mapping[str, str]


def run(order: Order) -> Done:
    """Carries an order out. Raises what reading does, and :class:`ConfigurationError` where nothing fits."""
    lasting = min(_READING + timedelta(seconds=order.seconds), LONGEST)
    with open_read(
        order.store, order.log, scope=order.asked.scope(), purpose=order.purpose, case=order.case, lasting=lasting
    ) as reading:
        if reading.ticket.duty not in MAY_EXPORT:
            raise AccessDeniedError(f"the duty {reading.ticket.duty} exports nothing: that takes one of {_duties()}")
        plan = _plan(order, reading)
        try:
            with (
                _telling(order, reading) as telling,
                Bundle(order.out.absolute(), plan, reading.reader, telling=telling) as bundle,
            ):
                return _made(bundle, order, reading, telling)
        except OSError as error:
            raise ConfigurationError(f"{order.out} can't be written: {error.strerror}") from error


@contextmanager
def _telling(order: Order, reading: Reading) -> Iterator[LogReader]:
    """A reader of the incarnation that tells of this export; where it is a later one, that takes a read of its own."""
    if is_newest(reading.reader):
        yield reading.reader
        return
    scope = {"what": f"export from {reading.reader.log}: what tells of it"}
    log = origin_of(reading.reader.log)
    with open_read(order.store, log, scope=scope, purpose=order.purpose, case=order.case) as another:
        yield another.reader


def _plan(order: Order, reading: Reading) -> Plan:
    selection, hint = order.asked.selection(reading, order.store, order.key)
    if hint is not None:
        warn(hint)
    if selection.ids:
        selection = by_what_is_known(selection, reading.reader)
    runs = chosen(selection, reading.reader) if selection.ids or not order.asked.names_somebody else []
    if not runs or runs[0][0] > runs[0][1]:
        raise ConfigurationError("nothing in the log fits that: nothing was exported, and that you looked is recorded")
    return Plan(selection, runs, withheld=order.withheld, with_range=order.with_range)


def _made(bundle: Bundle, order: Order, reading: Reading, telling: LogReader) -> Done:
    found = _read(bundle, reading)
    if found.findings.total:
        return Done(findings=found.findings.in_order(), findings_total=found.findings.total)
    recorded = _recorded(reading, telling)
    exporting = Exporting(
        by=recorded.login,
        purpose=recorded.purpose,
        case=recorded.case,
        ticket=reading.ticket,
        software=f"unbroken {unbroken.__version__}",
        key=None if order.draft else exporter_key(recorded.login),
        about=recorded.scope,
    )
    with _untold(bundle):
        manifest = bundle.told(found, exporting)
        with LateProgress("waiting for a checkpoint (s)") as progress:
            covering = bundle.prove(
                found, seconds=order.seconds, served=served, cosigners=order.cosigners, progress=progress
            )
        with LateProgress("checking the bundle") as progress:
            report = bundle.place(packed=order.out.suffix == _PACKED, progress=progress)
    done = Done(report.findings, report.findings_total, manifest, bundle.exported, covering, report)
    if not report.findings_total:
        return done
    _warn_of_entry(bundle)
    return replace(done, report=None)


@contextmanager
def _untold(bundle: Bundle) -> Iterator[None]:
    """Where it does not come to its end, says what the log says of it all the same."""
    try:
        yield
    except BaseException:
        _warn_of_entry(bundle)
        raise


def _warn_of_entry(bundle: Bundle) -> None:
    if bundle.exported is not None:
        warn(f"entry {bundle.exported} of the log says that this was exported, and nothing was: export it again")
    elif bundle.asked_to_record:
        warn("the log may say that this was exported, and nothing was: export it again")


def _read(bundle: Bundle, reading: Reading) -> Contents:
    with LateProgress("reading") as progress:
        return bundle.read(reading.shown, progress)


def _recorded(reading: Reading, telling: LogReader) -> _Recorded:
    """The entry that opened this read: what it says of it may be handed out."""
    entry = telling.entry(reading.ticket.seq)
    if entry is None or not isinstance(examine(entry), Intact) or entry.details is None:
        raise UnbrokenError(f"entry {reading.ticket.seq}, which opened this read, is not as recorded: nothing was made")
    said: dict[str, Any] = msgspec.json.decode(entry.details)
    scope = {name: str(value) for name, value in said.get("scope", {}).items()}
    return _Recorded(decode_event(entry.event).actor_id, str(said["purpose"]), said.get("case"), scope)


def _duties() -> str:
    return ", ".join(MAY_EXPORT)
