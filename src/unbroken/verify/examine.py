"""One entry by itself: is it what it says it is? Pure, so pages can be examined by several processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from unbroken.core.commitment import PARTS, SALT_BYTES
from unbroken.core.entry import COLUMNS, StoredEntry, hash_of
from unbroken.core.event import Event, are_commitments, decode_event, read_event
from unbroken.core.kinds import contained
from unbroken.errors import InvalidEventError
from unbroken.verify.declaration import WORKS, Declaration, declaration_of
from unbroken.verify.finding import Kind
from unbroken.verify.holding import STEPS, HoldWord, hold_word_of
from unbroken.verify.replay.act import ACTS, Act, act_of
from unbroken.verify.replay.classing import Kind as ClassKind
from unbroken.verify.replay.classing import kind_of


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one entry, before its place in the log is known."""

    kind: Kind
    expected: str
    found: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that can't be believed: why, and the hashes by which the next one may link to it.

    ``session`` and ``seq`` are what it says of itself, so that a person knows where to look; they prove nothing.
    """

    fault: Fault
    links: tuple[bytes, ...] = ()
    session: str | None = None
    seq: int | None = None


class Intact(msgspec.Struct, gc=False):
    """An entry whose line is canonical and hashes to what it states; ``faults`` concern what is held beside it.

    ``absences`` are parts that are committed to and not held, where an erasure may be why: all of the payload, or the
    original, of an entry that a recorder made; of such an entry ``event`` is kept, to tell whether it was held.
    ``declares`` is what the entry says of what is gone or of a hold, and ``tells`` what tables beside the entries have
    to say, too. Of an ``unseen`` one nothing is handed out, so that it can't be told what is left of it. What a
    recorder made is of a ``kind``, which ``retention_class`` has to be the class of.
    """

    seq: int
    log: str
    id: str
    prev_hash: bytes
    hash: bytes
    session: str | None
    session_seq: int | None
    faults: tuple[Fault, ...] = ()
    absences: tuple[Fault, ...] = ()
    declares: Declaration | HoldWord | None = None
    recorder: str | None = None
    writer: str = ""
    recorded_at: str = ""
    tells: Act | None = None
    unseen: bool = False
    event: bytes = b""
    retention_class: int | None = None
    kind: ClassKind | None = None


def examine(entry: StoredEntry) -> Intact | Broken:
    """Checks an entry's hash, canonical form, shape, columns and payload; never its place."""
    computed = hash_of(entry.line)
    if computed != entry.hash:
        fault = Fault(
            "altered_entry",
            expected=f"hash {entry.hash.hex()}",
            found=f"a line that hashes to {computed.hex()}, under number {entry.seq}",
        )
        return Broken(fault, (entry.hash, computed), _claimed_session(entry), entry.seq)
    try:
        event = read_event(entry.event)
    except InvalidEventError as error:
        return _not_canonical(entry, str(error))
    if (event.session_id is None) != (entry.session_seq is None):
        return _not_canonical(entry, "session_id and session_seq without each other")
    intact = Intact(
        entry.seq,
        entry.log,
        event.id,
        entry.prev_hash,
        entry.hash,
        event.session_id,
        entry.session_seq,
        recorder=event.recorder,
        writer=entry.writer,
        recorded_at=entry.recorded_at,
        retention_class=entry.retention_class,
        kind=None if event.recorder is None else kind_of(event),
    )
    if not _is_faultless(entry, event):
        if not are_commitments(event):
            return _not_canonical(entry, "a commitment that is not 64 lower-case hex digits")
        _find_faults(intact, entry, event)
    if event.recorder is None and entry.retention_class is not None:
        fault = Fault(
            "class_disagrees", "no class: the log's own entries are of none", f"class {entry.retention_class}"
        )
        intact.faults = (*intact.faults, fault)
    if event.recorder is None or event.event_type in ACTS:
        _hear(intact, entry, event)
    return intact


def _hear(intact: Intact, entry: StoredEntry, event: Event) -> None:
    is_held = not any(fault.part == "details" for fault in (*intact.faults, *intact.absences))
    if event.event_type in WORKS and is_held:
        intact.declares = declaration_of(entry.seq, event, entry.details, at=entry.recorded_at)
    elif event.event_type in STEPS and is_held:
        intact.declares = hold_word_of(entry.seq, event, entry.details)
    intact.tells = act_of(entry, event, is_held=is_held)


def _find_faults(intact: Intact, entry: StoredEntry, event: Event) -> None:
    faults = tuple(_faults(entry, event))
    erasable = _erasable(entry, event)
    absent = {fault.part for fault in faults if fault.kind == "missing"} & erasable
    intact.faults = tuple(fault for fault in faults if fault.part not in absent)
    intact.absences = tuple(fault for fault in faults if fault.part in absent)
    intact.event = entry.event if absent else b""


def _erasable(entry: StoredEntry, event: Event) -> frozenset[str | None]:
    """The parts whose absence may be declared. The log's own entries are never destroyed, nor is half a payload."""
    if event.recorder is None:
        return frozenset()
    held = any(getattr(entry, part) is not None or getattr(entry, f"{part}_salt") is not None for part in PARTS)
    return frozenset({"original"} if held else {"original", *PARTS})


def _not_canonical(entry: StoredEntry, why: str) -> Broken:
    fault = Fault("non_canonical", "the canonical text of an entry", why)
    return Broken(fault, (entry.hash,), _claimed_session(entry), entry.seq)


def _claimed_session(entry: StoredEntry) -> str | None:
    """The session that a broken entry names, so that a finding says where to look; it proves nothing."""
    try:
        return decode_event(entry.event).session_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _is_faultless(entry: StoredEntry, event: Event) -> bool:
    """The common case in few steps; where it says no, :func:`_faults` says why."""
    return (
        (entry.columns is None or entry.columns == columns_of(event))
        and (entry.has_original is None or entry.has_original is (event.original is not None))
        and _matches(event.inputs, entry.inputs, entry.inputs_salt)
        and _matches(event.outputs, entry.outputs, entry.outputs_salt)
        and _matches(event.details, entry.details, entry.details_salt)
    )


def _matches(commitment: str | None, value: bytes | None, salt: bytes | None) -> bool:
    if value is None or salt is None:
        return commitment is None and value is None and salt is None
    return len(salt) == SALT_BYTES and sha256(salt + value).hexdigest() == commitment


def columns_of(event: Event) -> tuple[object, ...]:
    """What a database must say of ``event`` under :data:`COLUMNS`."""
    return (
        event.actor_id,
        event.agent_id,
        None if event.redactions is None else ",".join(contained(event.redactions)) or None,
        event.event_type,
        event.id,
        None if event.decision is None else event.decision.outcome,
        event.resource_id,
        event.resource_type,
        event.session_id,
        event.side_effect,
        None if event.subjects is None else msgspec.json.encode(event.subjects).decode(),
        event.tool,
    )


def _faults(entry: StoredEntry, event: Event) -> Iterator[Fault]:
    for part in PARTS:
        value, salt = getattr(entry, part), getattr(entry, f"{part}_salt")
        fault = _fault_of_part(part, commitment=getattr(event, part), value=value, salt=salt)
        if fault is not None:
            yield fault
    if entry.has_original is False and event.original is not None:
        yield Fault("missing", f"the sealed original for {event.original}", "nothing", "original")
    if entry.has_original is True and event.original is None:
        yield Fault("commitment_wrong", "no original", "an original without commitment", "original")
    if entry.columns is None:
        return
    for name, column, text in zip(COLUMNS, entry.columns, columns_of(event), strict=True):
        if column != text:
            yield Fault("column_disagrees", f"{name} as the event states it", f"another value in column {name}")


def _fault_of_part(part: str, *, commitment: str | None, value: bytes | None, salt: bytes | None) -> Fault | None:
    if value is None:
        if commitment is not None:
            return Fault("missing", f"a value for {commitment}", "nothing", part)
        return None if salt is None else Fault("commitment_wrong", "no salt", "a salt without a value", part)
    if commitment is None:
        return Fault("commitment_wrong", "no value", "a value without commitment", part)
    if salt is None or len(salt) != SALT_BYTES:
        return Fault("commitment_wrong", f"a salt of {SALT_BYTES} bytes", "another salt", part)
    digest = sha256(salt + value).hexdigest()
    return None if digest == commitment else Fault("altered_payload", commitment, digest, part)
