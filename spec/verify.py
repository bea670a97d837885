"""An independent verifier of unbroken's format, version 1 (FORMAT.md, beside this file).

Standard library only, and nothing of the package: whoever doubts the package can read this file instead and run it.

    python verify.py FILE [--expect SEQ:HASH] [--json]

The file is read line by line. What is kept in memory is one counter per session, the event ids, the numbers of entries,
what was erased, and the findings.
"""

import argparse
import hashlib
import json
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

EXIT_CODES: Final = {"proven": 0, "findings": 1, "usage": 2, "consistent": 3, "unverifiable": 4}
PARTS: Final = ("inputs", "outputs", "details")
ERASED: Final = "log.erased"
GENESIS: Final = "0" * 64
MAX_INTEGER: Final = 2**53 - 1
EXPORT_LIMIT: Final = 64 << 20
"""Bytes of one export line that this verifier reads; a longer one is unverifiable here."""
LINE_LIMIT: Final = 1 << 20
"""Bytes of one entry's line that this verifier reads."""
DEPTH_LIMIT: Final = 32
"""Levels of nesting within which a line may still be one of a later version."""


class UnverifiableError(Exception):
    """What stands there can't be read by a verifier of version 1."""


class NonCanonicalError(Exception):
    """The line is not the canonical text of a version-1 entry."""


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain: a number and the hash of the entry that has it. ``0`` with 64 zeros is the start."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head that ``text`` states; raises ``ValueError`` unless it is ``SEQ:HASH``."""
        match = re.fullmatch(r"(0|[1-9][0-9]{0,15}):([0-9a-f]{64})", text)
        if match is None or int(match[1]) > MAX_INTEGER:
            raise ValueError("a head is SEQ:HASH, a number and 64 lower-case hex digits")
        if match[1] == "0" and match[2] != GENESIS:
            raise ValueError("the head of an empty log is 0: and 64 zeros")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where. FORMAT.md, "Findings", says what each kind means."""

    kind: str
    seq: int
    expected: str
    found: str
    part: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check showed; ``head`` is the last intact entry in order, worth keeping outside the log's reach.

    ``erased`` counts the entries whose payload is absent because an entry of the log's own says so.
    """

    verdict: str
    findings: tuple[Finding, ...]
    log: str | None
    head: str
    erased: int = 0


def verify_lines(
    lines: Iterable[str], expect: str | None = None, *, after: str | None = None, session: str | None = None
) -> Report:
    """Check export lines in their order.

    ``expect`` is a head known from outside; ``after`` the head that a range follows; ``session`` restricts the check
    to one session's entries, numbers between them being allowed to be absent. Raises ``ValueError`` when these are
    not heads or exclude each other; nothing that stands in ``lines`` raises.
    """
    check = _Check(_head(expect), _head(after) or Head(0, GENESIS), session)
    for text in lines:
        check.take(text.removesuffix("\n"))
    return check.report()


def _head(text: str | None) -> Head | None:
    return None if text is None else Head.parse(text)


# ---- Reading: strict JSON, the export form ----


def _objects_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is repeated")
    return result


def _whole_number(digits: str) -> int:
    if digits.startswith("-") or len(digits) > 16 or int(digits) > MAX_INTEGER:
        raise ValueError(f"a number is not an integer from 0 to {MAX_INTEGER}")
    return int(digits)


def _no_such_number(_: str) -> NoReturn:
    raise ValueError(f"a number is not an integer from 0 to {MAX_INTEGER}")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_objects_without_repeats,
    parse_int=_whole_number,
    parse_float=_no_such_number,
    parse_constant=_no_such_number,
)


def _parse(text: str) -> Any:
    """The JSON value of ``text``; raises ``ValueError`` for all that the format never holds."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError("not JSON") from error
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error


@dataclass(frozen=True, slots=True)
class Entry:
    """What one export line holds, nothing in it believed."""

    line: str
    stated: str
    computed: str
    parts: Mapping[str, tuple[str, bytes]]


def read_export(text: str) -> Entry:
    """The entry of one export line; raises :class:`UnverifiableError`."""
    if len(_encode(text)) > EXPORT_LIMIT:
        raise UnverifiableError(f"an export line longer than {EXPORT_LIMIT} bytes")
    try:
        value = _parse(text)
    except ValueError as error:
        raise UnverifiableError(f"an export line that is no JSON object of its form: {error}") from error
    if not isinstance(value, dict) or not {"hash", "line"} <= value.keys() <= {"hash", "line", "payload"}:
        raise UnverifiableError("an export line without exactly the keys hash, line and perhaps payload")
    line, stated = value["line"], value["hash"]
    if not isinstance(line, str) or not _is_hex64(stated):
        raise UnverifiableError("an export line whose line is no text or whose hash is not 64 lower-case hex digits")
    raw = _encode(line)
    if len(raw) > LINE_LIMIT:
        raise UnverifiableError(f"a line longer than {LINE_LIMIT} bytes")
    computed = hashlib.sha256(b"\x00" + raw).hexdigest()
    return Entry(line, stated, computed, _read_payload(value.get("payload", {})))


def _read_payload(payload: object) -> dict[str, tuple[str, bytes]]:
    if not isinstance(payload, dict) or not payload.keys() <= set(PARTS):
        raise UnverifiableError("a payload that is no object of inputs, outputs and details")
    return {name: _read_part(part) for name, part in payload.items()}


def _read_part(part: object) -> tuple[str, bytes]:
    match part:
        case {"salt": str(salt), "value": str(value), **others} if not others:
            return salt, _encode(value)
    raise UnverifiableError("a part of a payload without exactly the texts salt and value")


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UnverifiableError("text that UTF-8 can't hold") from error


# ---- The shape of a line ----

TypeCheck = Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\x00" not in value


def _is_count(value: object) -> bool:
    return type(value) is int


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_list(value: object) -> bool:
    if not isinstance(value, list) or not value or not all(_is_text(item) for item in value):
        return False
    return all(a < b for a, b in pairwise(value))


def _is_ts(value: object) -> bool:
    if not isinstance(value, str):
        return False
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.[0-9]{6}Z", value)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - only whether such a time exists
    except ValueError:
        return False
    return True


def _shaped(pattern: str) -> TypeCheck:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _one_of(*words: str) -> TypeCheck:
    return lambda value: isinstance(value, str) and value in words


_is_hex64: Final = _shaped("[0-9a-f]{64}")
_is_uuid: Final = _shaped("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_is_keyed: Final = _shaped("k[0-9a-z]{1,16}:[0-9a-f]{64}")

DECISION: Final[Mapping[str, TypeCheck]] = {
    "arguments_hash": _is_keyed,
    "at": _is_ts,
    "by": _is_text,
    "outcome": _is_text,
    "policy": _is_text,
    "request": _is_uuid,
}


def _is_decision(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and _fault(value, shape=DECISION, required=frozenset()) is None


EVENT: Final[Mapping[str, TypeCheck]] = {
    "actor_id": _is_text,
    "actor_type": _one_of("user", "agent", "admin", "system"),
    "agent_id": _is_text,
    "agent_name": _is_text,
    "agent_version": _is_text,
    "call_id": _is_text,
    "capture": _one_of("enforced", "observed", "imported"),
    "classification": _one_of("public", "internal", "confidential", "restricted"),
    "cost_source": _is_text,
    "cost_usd": _shaped("(0|[1-9][0-9]*)([.][0-9]+)?"),
    "decision": _is_decision,
    "details": _is_hex64,
    "domains": _is_list,
    "event_type": _shaped("[a-z_]+([.][a-z_]+)?"),
    "id": _is_uuid,
    "input_tokens": _is_count,
    "inputs": _is_hex64,
    "latency_ms": _is_count,
    "model": _is_text,
    "original": _is_hex64,
    "output_tokens": _is_count,
    "outputs": _is_hex64,
    "parent_id": _is_uuid,
    "prompt_hash": _is_keyed,
    "purpose": _is_text,
    "recipient": _is_text,
    "recorder": _is_uuid,
    "recorder_seq": _is_count,
    "redactions": _is_list,
    "resource_id": _is_text,
    "resource_type": _is_text,
    "rules": _is_text,
    "scope": _is_list,
    "session_id": _is_text,
    "side_effect": _is_bool,
    "source_address": _is_text,
    "span_id": _shaped("[0-9a-f]{16}"),
    "status": _is_text,
    "subjects": _is_list,
    "tool": _is_text,
    "trace_id": _shaped("[0-9a-f]{32}"),
    "ts": _is_ts,
    "turn_id": _is_text,
}
EVENT_REQUIRED: Final = frozenset({"actor_id", "actor_type", "event_type", "id", "ts"})

LINE: Final[Mapping[str, TypeCheck]] = {
    "event": lambda value: isinstance(value, dict),
    "log": _shaped(r"[^~\x00-\x1f]+~[1-9][0-9]*"),
    "prev_hash": _is_hex64,
    "principal": _is_text,
    "recorded_at": _is_ts,
    "seq": _is_number,
    "session_seq": _is_number,
    "v": lambda value: type(value) is int and value == 1,
    "writer": _is_text,
}
LINE_REQUIRED: Final = frozenset(LINE) - {"principal", "session_seq"}


def _fault(value: Mapping[str, object], *, shape: Mapping[str, TypeCheck], required: frozenset[str]) -> str | None:
    """What is wrong with an object's keys and types; never quotes what stands in it."""
    if not value.keys() <= shape.keys():
        return "a key that version 1 does not have"
    if not required <= value.keys():
        return f"no {min(required - value.keys())}"
    return next((f"a wrong {key}" for key, item in value.items() if not shape[key](item)), None)


@dataclass(frozen=True, slots=True)
class Line:
    """The facts of a canonical line that the chain needs."""

    seq: int
    prev_hash: str
    log: str
    id: str
    session: str | None
    session_seq: int
    commitments: Mapping[str, str]
    event_type: str
    is_own: bool


def read_line(text: str) -> Line:
    """The facts of a line; raises :class:`NonCanonicalError`, or :class:`UnverifiableError` for another version."""
    try:
        value = _parse(text)
    except ValueError as error:
        raise NonCanonicalError(str(error)) from error
    if not isinstance(value, dict):
        raise NonCanonicalError("no object")
    if _is_other_version(value):
        raise UnverifiableError("a line of a version that this verifier does not know")
    event = value.get("event")
    fault = _fault(value, shape=LINE, required=LINE_REQUIRED)
    if fault is None and isinstance(event, dict):
        fault = _fault(event, shape=EVENT, required=EVENT_REQUIRED)
        if fault is None and ("session_id" in event) != ("session_seq" in value):
            fault = "session_id and session_seq without each other"
    if fault is not None:
        raise NonCanonicalError(fault)
    if json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) != text:
        raise NonCanonicalError("another spelling: spaces, order of keys or escapes")
    return _facts(value)


def _is_other_version(value: dict[str, Any]) -> bool:
    """Whether this is a line of a version that is not known here, rather than something that never was a line."""
    return _is_count(value.get("v")) and value["v"] != 1 and not _is_deep(value) and _is_unicode(value)


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_deep(value: object) -> bool:
    layer = [value]
    for _ in range(DEPTH_LIMIT):
        layer = [
            item
            for holder in layer
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(item, dict | list) for item in layer)


def _facts(value: dict[str, Any]) -> Line:
    event = value["event"]
    return Line(
        seq=value["seq"],
        prev_hash=value["prev_hash"],
        log=value["log"],
        id=event["id"],
        session=event.get("session_id"),
        session_seq=value.get("session_seq", 0),
        commitments={part: event[part] for part in PARTS if part in event},
        event_type=event["event_type"],
        is_own="recorder" not in event,
    )


# ---- What was erased ----

_RUN: Final = re.compile(r"([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?(?:,(?=[1-9])|\Z)")


def read_erased(details: bytes) -> list[tuple[int, int]]:
    """The numbers of entries whose payload a ``log.erased`` says is gone, as first and last of each run.

    Raises ``ValueError`` for details that have not the form of such an entry's.
    """
    value = _parse(details.decode())
    if not isinstance(value, dict) or not all(map(_is_flat, (*value, *value.values()))):
        raise ValueError("no object of texts, integers and lists of texts")
    if not _is_uuid(value.get("erasure")):
        raise ValueError("no details of an erasure")
    for key in ("payloads", "originals"):
        if isinstance(value.get(key), str):
            _read_runs(value[key])
    payloads = value.get("payloads")
    return _read_runs(payloads) if isinstance(payloads, str) else []


def _is_flat(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) and _is_flat(item) for item in value)
    if isinstance(value, str):
        return "\x00" not in value and _is_unicode(value)
    return value is None or isinstance(value, int)


def _read_runs(text: str) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        match = _RUN.match(text, at)
        if match is None:
            raise ValueError("no numbers and runs of numbers")
        run = int(match[1]), int(match[2] or match[1])
        if not (runs[-1][1] if runs else 0) < run[0] <= run[1] <= MAX_INTEGER:
            raise ValueError("numbers that do not ascend, or that no entry has")
        runs.append(run)
        at = match.end()
    return runs


def union(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in runs that ascend and do not touch."""
    made: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if made and first <= made[-1][1] + 1:
            made[-1] = made[-1][0], max(made[-1][1], last)
        else:
            made.append((first, last))
    return made


# ---- The chain ----


@dataclass(slots=True)
class _Order:
    """Where in the log the check stands; FORMAT.md, "Order and links".

    ``top`` is the highest intact entry so far; ``broken`` counts the entries since then that can't be believed, and
    ``links`` are the hashes by which the last of them may be followed. ``absent`` is the number of entries that the
    whole run lacks, broken ones included; ``gaps`` are the ranges of numbers that have not come yet. A ``sparse`` run
    lacks numbers by its nature: those of other sessions.
    """

    top: Head
    sparse: bool
    broken: int = 0
    links: frozenset[str] = frozenset()
    absent: int = 0
    gaps: list[list[int]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The highest number that is accounted for."""
        return self.top.seq + self.broken

    def add_broken(self, *links: str) -> None:
        """Let an entry that can't be believed stand for the next number."""
        self.broken += 1
        self.absent += 1
        self.links = frozenset(links)

    def may_follow(self, line: Line) -> bool:
        """Whether ``line``, whose number is higher than all before, links to what stands before it."""
        step = line.seq - self.top.seq
        if step == 1:
            return line.prev_hash == self.top.hash
        if step == self.broken + 1 and self.links:
            return line.prev_hash in self.links
        return True

    def advance(self, head: Head) -> None:
        """Make ``head`` the highest entry, noting the numbers that it leaves out."""
        first = self.end + 1
        if head.seq > first:
            self.gaps.append([first, head.seq - 1])
            self.absent += 0 if self.sparse else head.seq - first
        self.top, self.broken, self.links = head, 0, frozenset()

    def fill(self, seq: int) -> bool:
        """Take ``seq`` out of the gaps; whether it was in one."""
        at = bisect_right(self.gaps, seq, key=lambda gap: gap[0]) - 1
        if at < 0 or self.gaps[at][1] < seq:
            return False
        first, last = self.gaps.pop(at)
        self.gaps[at:at] = [gap for gap in ([first, seq - 1], [seq + 1, last]) if gap[0] <= gap[1]]
        return True


class _Check:
    """One run over one log, range or session."""

    def __init__(self, expect: Head | None, start: Head, session: str | None) -> None:
        if session is not None and (expect is not None or start.seq):
            raise ValueError("a session is checked without a head: none says where it ends")
        if expect is not None and (expect.seq < start.seq or (expect.seq == start.seq and expect != start)):
            raise ValueError("the expected head does not lie after the head that the range follows")
        self._expect = expect
        self._start = start
        self._session = session
        self._order = _Order(start, sparse=session is not None)
        self._met = expect == start
        self._log: str | None = None
        self._ids: set[bytes] = set()
        self._sessions: dict[str, tuple[int, int]] = {}
        self._findings: list[Finding] = []
        self._held: set[int] = set()
        self._absent: dict[int, Line] = {}
        self._erased: list[tuple[int, int]] = []

    def take(self, text: str) -> None:
        """Check the next export line."""
        place = self._order.end + 1
        try:
            entry = read_export(text)
        except UnverifiableError as error:
            self._find("unverifiable", place, expected="an export line of version 1", found=str(error))
            self._order.add_broken()
            return
        line = self._read(entry, place)
        if line is None:
            self._order.add_broken(entry.stated, entry.computed)
            return
        if self._session is None or line.session == self._session:
            self._take_intact(line, entry)
        elif line.event_type == ERASED:
            self._hear(line, entry)

    def _read(self, entry: Entry, place: int) -> Line | None:
        """The facts of an entry that hashes to what it states and is canonical; else a finding and ``None``."""
        try:
            line = read_line(entry.line)
        except NonCanonicalError as error:
            line, kind, wanted, found = None, "non_canonical", "the canonical text of an entry", str(error)
        except UnverifiableError as error:
            line, kind, wanted, found = None, "unverifiable", "a line of version 1", str(error)
        if entry.computed != entry.stated:
            claimed = f", which calls itself {line.seq}" if line else ""
            found = f"a line that hashes to {entry.computed}{claimed}"
            session = line.session if line else None
            self._find("altered_entry", place, expected=f"hash {entry.stated}", found=found, session=session)
            return None
        if line is None:
            self._find(kind, place, expected=wanted, found=found)
        return line

    def _take_intact(self, line: Line, entry: Entry) -> None:
        if line.seq > self._order.top.seq:
            self._take_in_order(line, entry)
        elif self._order.fill(line.seq):
            where = f"after entry {self._order.top.seq}"
            self._find("reordered", line.seq, expected="entries in the order of seq", found=where, session=line.session)
            self._check_belonging(line, entry, linked=True)
            self._check_id(line)
        else:
            self._find("duplicate", line.seq, expected="each seq once", found="the seq again", session=line.session)
            return
        if line.commitments and not entry.parts and not line.is_own:
            self._absent[line.seq] = line
            return
        self._held.add(line.seq)
        for part in PARTS:
            self._check_part(part, line, entry)
        if line.event_type == ERASED:
            self._hear(line, entry)

    def _hear(self, line: Line, entry: Entry) -> None:
        """Take the log's own word for what was erased, of entries before this one."""
        details, committed = entry.parts.get("details"), line.commitments.get("details")
        if not line.is_own or details is None or not _is_hex64(details[0]):
            return
        if hashlib.sha256(bytes.fromhex(details[0]) + details[1]).hexdigest() != committed:
            return
        try:
            runs = read_erased(details[1])
        except ValueError:
            return
        self._erased += [(first, min(last, line.seq - 1)) for first, last in runs if first < line.seq]

    def _check_erased(self) -> int:
        """Hold what is absent against what was erased; gives how many are both."""
        erased = union(self._erased)
        starts = [first for first, _ in erased]

        def is_erased(seq: int) -> bool:
            at = bisect_right(starts, seq) - 1
            return at >= 0 and seq <= erased[at][1]

        for seq in sorted(self._held):
            if is_erased(seq):
                self._find(
                    "not_erased",
                    seq,
                    expected="no payload: a log.erased says it is gone",
                    found="one, or none to erase",
                )
        lacking = [line for line in self._absent.values() if not is_erased(line.seq)]
        for line in lacking:
            for part, committed in line.commitments.items():
                self._find_part("missing", part, line, expected=f"a value for {committed}", found="nothing")
        return len(self._absent) - len(lacking)

    def _take_in_order(self, line: Line, entry: Entry) -> None:
        linked = self._order.may_follow(line)
        self._order.advance(Head(line.seq, entry.stated))
        self._check_belonging(line, entry, linked=linked)
        self._check_id(line)
        if line.session is not None:
            self._check_session(line, line.session)

    def _check_belonging(self, line: Line, entry: Entry, *, linked: bool) -> None:
        """That an entry belongs to this chain; at most one finding, the first of link, log and head."""
        self._log = self._log or line.log
        head = self._expect if self._expect is not None and self._expect.seq == line.seq else None
        if not linked:
            wanted, found = "the hash of the entry before it", f"prev_hash {line.prev_hash}"
        elif line.log != self._log:
            wanted, found = f"log {self._log}", f"log {line.log}"
        elif head is not None and head.hash != entry.stated:
            wanted, found = f"the expected head's hash {head.hash}", f"hash {entry.stated}"
        else:
            self._met = self._met or head is not None
            return
        self._find("forked", line.seq, expected=wanted, found=found, session=line.session)

    def _check_id(self, line: Line) -> None:
        key = bytes.fromhex(line.id.replace("-", ""))
        if key in self._ids:
            found = f"{line.id} again"
            self._find("duplicate", line.seq, expected="each event id once", found=found, session=line.session)
        self._ids.add(key)

    def _check_session(self, line: Line, session: str) -> None:
        """That session numbers go on, as far as numbers that are absent from the log don't explain a jump."""
        absent = self._order.absent
        known = self._sessions.get(session)
        if known is None and self._start.seq:
            known = (line.session_seq - 1, absent)
        last, absent_then = known or (0, 0)
        if not last < line.session_seq <= last + 1 + absent - absent_then:
            wanted, found = f"session_seq {last + 1}", f"session_seq {line.session_seq}"
            self._find("session_gap", line.seq, expected=wanted, found=found, session=session)
        self._sessions[session] = (max(last, line.session_seq), absent)

    def _check_part(self, part: str, line: Line, entry: Entry) -> None:
        committed, held = line.commitments.get(part), entry.parts.get(part)
        if held is None:
            if committed is not None:
                self._find_part("missing", part, line, expected=f"a value for {committed}", found="nothing")
        elif committed is None:
            self._find_part("commitment_wrong", part, line, expected="no value", found="a value without commitment")
        elif not _is_hex64(held[0]):
            self._find_part("commitment_wrong", part, line, expected="a salt of 64 hex digits", found="another salt")
        else:
            digest = hashlib.sha256(bytes.fromhex(held[0]) + held[1]).hexdigest()
            if digest != committed:
                self._find_part("altered_payload", part, line, expected=committed, found=digest)

    def _find(self, kind: str, seq: int, *, expected: str, found: str, session: str | None = None) -> None:
        self._findings.append(Finding(kind, seq, expected, found, session=session))

    def _find_part(self, kind: str, part: str, line: Line, *, expected: str, found: str) -> None:
        self._findings.append(Finding(kind, line.seq, expected, found, part=part, session=line.session))

    def report(self) -> Report:
        """Close the check: what never came, and the verdict."""
        for first, last in () if self._order.sparse else self._order.gaps:
            wanted = f"entry {first}" if first == last else f"entries {first} to {last}"
            self._find("missing", first, expected=wanted, found=f"entry {last + 1}")
        end = self._order.end
        if self._expect is not None and self._expect.seq > end:
            wanted = f"entries up to the expected head {self._expect.seq}"
            self._find("truncated", end + 1, expected=wanted, found=f"the end after {end}")
        erased = self._check_erased()
        findings = tuple(sorted(self._findings, key=lambda finding: finding.seq))
        return Report(self._verdict(), findings, self._log, str(self._order.top), erased)

    def _verdict(self) -> str:
        kinds = {finding.kind for finding in self._findings}
        if kinds:
            return "unverifiable" if kinds == {"unverifiable"} else "findings"
        at_end = self._expect is not None and self._expect.seq == self._order.top.seq
        return "proven" if at_end and self._met else "consistent"


# ---- The command ----


def physical_lines(file: BinaryIO) -> Iterator[str]:
    """The lines of a file, cut at LF only; bytes that are no UTF-8 stay visible as lone surrogates.

    Of a line that is too long only the start is kept, enough for it to be refused.
    """
    while chunk := file.readline(EXPORT_LIMIT + 1):
        rest = chunk
        while len(rest) > EXPORT_LIMIT and not rest.endswith(b"\n"):
            rest = file.readline(EXPORT_LIMIT + 1)
        yield chunk.decode("utf-8", "surrogateescape")


def read_vector(path: Path) -> tuple[list[str], str | None]:
    """The lines and the expected head of a vector file; raises ``ValueError``."""
    value = json.loads(path.read_text(encoding="utf-8"))
    match value:
        case {"lines": list(lines), "expect": str() | None as expect} if all(isinstance(line, str) for line in lines):
            return lines, expect
    raise ValueError("not a vector: it needs lines and expect")


def _run(arguments: argparse.Namespace) -> Report:
    path: Path = arguments.file
    where = {"after": arguments.after, "session": arguments.session}
    if arguments.vector:
        lines, stated = read_vector(path)
        return verify_lines(lines, arguments.expect or stated, **where)
    with path.open("rb") as file:
        return verify_lines(physical_lines(file), arguments.expect, **where)


def _print(report: Report) -> None:
    for finding in report.findings:
        place = f"seq {finding.seq}" + (f", {finding.part}" if finding.part else "")
        session = f" (session {_plain(finding.session)})" if finding.session else ""
        print(f"{place}{session}: {finding.kind}: expected {_plain(finding.expected)}, found {_plain(finding.found)}")
    seq = report.head.partition(":")[0]
    meaning = {
        "proven": f"proven: the log ends at the expected head {report.head}",
        "findings": f"findings: {len(report.findings)}",
        "consistent": f"consistent to {seq}, end unproven; head {report.head}",
        "unverifiable": f"unverifiable: {len(report.findings)} entries can't be read",
    }
    print(f"{_plain(report.log)}: {meaning[report.verdict]}" if report.log else meaning[report.verdict])
    if report.erased:
        print(f"erased and accounted for: the payloads of {report.erased} entries")


def _plain(text: str) -> str:
    """``text`` without anything that a terminal would obey."""
    return ascii(text)[1:-1]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Verify an export of an unbroken log, format version 1.")
    parser.add_argument("file", type=Path, help="an export: JSON Lines, one entry per line")
    parser.add_argument("--expect", metavar="SEQ:HASH", help="the head, known from outside the log")
    parser.add_argument("--after", metavar="SEQ:HASH", help="the file holds a range that follows this head")
    parser.add_argument("--session", metavar="ID", help="check only the entries of this session")
    parser.add_argument("--vector", action="store_true", help="the file is a test vector and brings its own head")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args(argv)
    try:
        report = _run(arguments)
    except (OSError, ValueError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return EXIT_CODES["usage"]
    if arguments.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    return EXIT_CODES[report.verdict]


if __name__ == "__main__":
    sys.exit(main())
