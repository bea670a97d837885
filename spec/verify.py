"""An independent verifier of unbroken's formats, version 1: exports (FORMAT.md) and evidence bundles (EVIDENCE.md).

Standard library only, and nothing of the package: whoever doubts the package can read this file instead and run it.

    python -I verify.py BUNDLE.zip --trust KEY
    python -I verify.py FILE [--expect SEQ:HASH]

A bundle is checked where it lies, an archive or a folder, without network and without changing anything. KEY is a
verifier key of the log's checkpoints that you have from elsewhere: from the log's notary, on paper. Without it the best
answer is that the bundle agrees with itself.

Entries are read line by line. What is kept in memory is one counter per session, the event ids, the numbers of entries
(of a bundle also their hashes), what was destroyed, holds, and the findings.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Final, NoReturn

EXIT_CODES: Final = {
    "proven": 0,
    "findings": 1,
    "usage": 2,
    "consistent": 3,
    "unverifiable": 4,
    "origin unproven": 5,
}
PARTS: Final = ("inputs", "outputs", "details")
ERASED: Final = "log.erased"
DECLARING: Final = {ERASED: "erasure", "log.disposed": "disposal"}
"""The entries that say what was destroyed, each with the key under which its details name what they belong to."""
HOLDING: Final = ("log.hold_issued", "log.hold_change_asked", "log.hold_changed")
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

    ``erased`` and ``disposed`` count the entries whose payload is absent because an entry of the log's own says so.
    """

    verdict: str
    findings: tuple[Finding, ...]
    log: str | None
    head: str
    erased: int = 0
    disposed: int = 0


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


def _canonical(value: object) -> str:
    """The RFC 8785 text of a value with ASCII keys and whole numbers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Entry:
    """What one export line holds, nothing in it believed."""

    line: str
    stated: str
    computed: str
    parts: Mapping[str, tuple[str, bytes]]
    withheld: frozenset[str]


def read_export(text: str) -> Entry:
    """The entry of one export line; raises :class:`UnverifiableError`."""
    if len(_encode(text)) > EXPORT_LIMIT:
        raise UnverifiableError(f"an export line longer than {EXPORT_LIMIT} bytes")
    try:
        value = _parse(text)
    except ValueError as error:
        raise UnverifiableError(f"an export line that is no JSON object of its form: {error}") from error
    if not isinstance(value, dict) or not {"hash", "line"} <= value.keys() <= {"hash", "line", "payload", "withheld"}:
        raise UnverifiableError("an export line without exactly the keys hash, line and perhaps payload and withheld")
    line, stated = value["line"], value["hash"]
    if not isinstance(line, str) or not _is_hex64(stated):
        raise UnverifiableError("an export line whose line is no text or whose hash is not 64 lower-case hex digits")
    raw = _encode(line)
    if len(raw) > LINE_LIMIT:
        raise UnverifiableError(f"a line longer than {LINE_LIMIT} bytes")
    computed = hashlib.sha256(b"\x00" + raw).hexdigest()
    parts = _read_payload(value.get("payload", {}))
    withheld = _read_withheld(value["withheld"], parts=parts) if "withheld" in value else frozenset[str]()
    return Entry(line, stated, computed, parts, withheld)


def _read_payload(payload: object) -> dict[str, tuple[str, bytes]]:
    if not isinstance(payload, dict) or not payload.keys() <= set(PARTS):
        raise UnverifiableError("a payload that is no object of inputs, outputs and details")
    return {name: _read_part(part) for name, part in payload.items()}


def _read_withheld(names: object, *, parts: Mapping[str, object]) -> frozenset[str]:
    if not _is_list(names) or not isinstance(names, list) or not set(names) <= set(PARTS) - parts.keys():
        raise UnverifiableError("a list of withheld parts that is none, or that names a part which is there")
    return frozenset(names)


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
    event: Mapping[str, Any]
    recorded_at: str

    @property
    def event_type(self) -> str:
        """What happened."""
        return str(self.event["event_type"])

    @property
    def is_own(self) -> bool:
        """Whether the log itself says it, and no recorder."""
        return "recorder" not in self.event


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
    if _canonical(value) != text:
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


def _matching_details(line: Line, entry: Entry) -> bytes:
    """An entry's details; raises ``ValueError`` unless they are there and match their commitment."""
    salt, details = entry.parts.get("details", ("", b""))
    if not _is_hex64(salt) or hashlib.sha256(bytes.fromhex(salt) + details).hexdigest() != line.commitments.get(
        "details"
    ):
        raise ValueError("details that are not there, or don't match their commitment")
    return details


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
        event=event,
        recorded_at=value["recorded_at"],
    )


# ---- What was erased or disposed of ----

_RUN: Final = re.compile(r"([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?(?:,(?=[1-9])|\Z)")


@dataclass(frozen=True, slots=True)
class Declaration:
    """The numbers of entries, all before its own, whose payload one entry says is gone: first and last of each run."""

    seq: int
    at: str
    event_type: str
    payloads: Sequence[tuple[int, int]]


def read_declared(details: bytes, belongs_to: str) -> list[tuple[int, int]]:
    """The numbers of entries whose payload these details say is gone, as first and last of each run.

    ``belongs_to`` is the key that names the erasure or disposal. Raises ``ValueError`` for details of another form.
    """
    value = _parse(details.decode())
    if not isinstance(value, dict) or not all(map(_is_flat, (*value, *value.values()))):
        raise ValueError("no object of texts, integers and lists of texts")
    if not _is_uuid(value.get(belongs_to)):
        raise ValueError(f"no details of an {belongs_to}")
    about = value.get("log")
    if about is not None and not _is_text(about):
        raise ValueError("no log that it tells of")
    payloads, originals = _runs_under("payloads", value), _runs_under("originals", value)
    if belongs_to == "disposal":
        kept, gone = union(_runs_under("kept", value)), union([*payloads, *originals])
        if sum(map(_size, union([*kept, *gone]))) != sum(map(_size, [*kept, *gone])):
            raise ValueError("an entry that is both gone and kept")
    # What tells of an earlier incarnation says nothing of the log that it stands in.
    return payloads if about is None else []


def _runs_under(key: str, value: Mapping[str, object]) -> list[tuple[int, int]]:
    text = value.get(key)
    return _read_runs(text) if isinstance(text, str) else []


def _size(run: tuple[int, int]) -> int:
    return run[1] - run[0] + 1


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


class _Numbers:
    """A set of numbers, given as runs."""

    def __init__(self, runs: Iterable[tuple[int, int]]) -> None:
        self._runs = union(runs)

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self._runs, seq, key=lambda run: run[0]) - 1
        return at >= 0 and seq <= self._runs[at][1]


# ---- What was held ----

_ONE_OF: Final = {
    "actors": "actor_id",
    "agents": "agent_id",
    "domains": "domains",
    "event_types": "event_type",
    "resource_ids": "resource_id",
    "resource_types": "resource_type",
    "scope": "scope",
    "sessions": "session_id",
    "subjects": "subjects",
    "tools": "tool",
}
"""What a hold's scope lists, and where in an event one of the list has to be."""


@dataclass(slots=True)
class Version:
    """One version of a hold: what it covers, the entry that it begins at, and the one at which it ends, as of when."""

    scope: Mapping[str, Any]
    begun: int
    ended: int | None = None
    ends_at: str = ""

    def is_in_force(self, seq: int, at: str) -> bool:
        """Whether it is at the entry of this number and time."""
        return self.begun < seq and (self.ended is None or self.ended >= seq or self.ends_at > at)

    def covers(self, line: Line) -> bool:
        """Whether all that the scope says fits."""
        return bool(self.scope) and all(_fits(line, key, value) for key, value in self.scope.items())


def _fits(line: Line, key: str, value: Any) -> bool:
    match key:
        case "everything":
            return True
        case "from":
            return bool(value <= line.recorded_at)
        case "to":
            return bool(line.recorded_at < value)
    there = line.event.get(_ONE_OF[key], [])
    return not set(value).isdisjoint([there] if isinstance(there, str) else there)


def _is_scope(value: object) -> bool:
    if not isinstance(value, dict) or not value or not _is_unicode(value):
        return False
    if "everything" in value:
        return value == {"everything": True} and value["everything"] is True
    shape = {**dict.fromkeys(_ONE_OF, _are_texts), "from": _is_ts, "to": _is_ts}
    return _fault(value, shape=shape, required=frozenset()) is None


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _tells_of_hold(event_type: str, said: Mapping[str, object]) -> bool:
    """Whether details have the form that entries about holds have, and tell of the log that they stand in."""
    checks: dict[str, TypeCheck] = {"hold": _is_uuid, "log": lambda log: log is None}
    if event_type != "log.hold_issued":
        checks["request"] = _is_uuid
    if event_type == "log.hold_changed":
        checks |= {"kind": _one_of("narrow", "release"), "ends_at": _is_ts}
    elif event_type == "log.hold_issued" or "scope" in said:
        checks["scope"] = _is_scope
    return all(check(said.get(key)) for key, check in checks.items())


def versions_of(told: Iterable[tuple[int, str, Mapping[str, Any]]]) -> list[Version]:
    """All versions of all holds, by what entries tell: of each the number, the type, and details of their form."""
    holds: dict[str, list[Version]] = {}
    asked: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for seq, event_type, said in sorted(told, key=lambda each: each[0]):
        hold = said["hold"]
        if event_type == "log.hold_issued":
            holds.setdefault(hold, [Version(said["scope"], seq)])
        elif event_type == "log.hold_change_asked":
            asked.setdefault(said["request"], (hold, said.get("scope", {})))
        elif hold in holds and holds[hold][-1].ended is None:
            holds[hold][-1].ended, holds[hold][-1].ends_at = seq, said["ends_at"]
            if said["kind"] == "narrow":
                about, scope = asked.get(said["request"], ("", {}))
                holds[hold].append(Version(scope if about == hold else {}, seq))
    return [version for versions in holds.values() for version in versions]


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

    def __init__(
        self, expect: Head | None, start: Head, session: str | None, *, picked: "_Picked | None" = None
    ) -> None:
        if session is not None and (expect is not None or start.seq):
            raise ValueError("a session is checked without a head: none says where it ends")
        if expect is not None and (expect.seq < start.seq or (expect.seq == start.seq and expect != start)):
            raise ValueError("the expected head does not lie after the head that the range follows")
        self._expect = expect
        self._start = start
        self._session = session
        self._order = _Order(start, sparse=session is not None)
        self._met = expect == start
        self._picked = picked
        self._log: str | None = None if picked is None else picked.log
        self.is_broken = False
        self._ids: set[bytes] = set()
        self._sessions: dict[str, tuple[int, int]] = {}
        self._findings: list[Finding] = []
        self._held: set[int] = set()
        # Of what may be millions: the line, compressed.
        self._absent: dict[int, bytes] = {}
        self._declared: list[Declaration] = []
        self._holds: list[tuple[int, str, Mapping[str, Any]]] = []

    def take(self, text: str) -> None:
        """Check the next export line."""
        place = self._order.end + 1
        try:
            entry = read_export(text)
        except UnverifiableError as error:
            self._find("unverifiable", place, expected="an export line of version 1", found=str(error))
            self.is_broken = True
            self._order.add_broken()
            return
        line = self._read(entry, place)
        if line is None:
            self.is_broken = True
            self._order.add_broken(entry.stated, entry.computed)
            return
        if self._session is None or line.session == self._session:
            self._take_intact(line, entry)
        else:
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
        if self._picked is not None:
            self._picked.take(line, entry)
        if line.commitments and not entry.parts and not entry.withheld and not line.is_own:
            self._absent[line.seq] = zlib.compress(entry.line.encode(), 1)
            return
        if entry.parts or not entry.withheld:
            self._held.add(line.seq)
        for part in PARTS:
            self._check_part(part, line, entry)
        self._hear(line, entry)

    def _hear(self, line: Line, entry: Entry) -> None:
        """Take the log's own word for what was destroyed, of entries before this one, and for what is held."""
        if not line.is_own or line.event_type not in (*DECLARING, *HOLDING):
            return
        try:
            details = _matching_details(line, entry)
            if line.event_type in DECLARING:
                runs = read_declared(details, DECLARING[line.event_type])
                before = [(first, min(last, line.seq - 1)) for first, last in runs if first < line.seq]
                self._declared.append(Declaration(line.seq, line.recorded_at, line.event_type, before))
            else:
                said = _as_object(_parse(details.decode()))
                if _tells_of_hold(line.event_type, said):
                    self._holds.append((line.seq, line.event_type, said))
        except ValueError:
            return

    def _check_declared(self) -> tuple[int, int]:
        """Hold what is absent against what was destroyed; gives how much of it was erased and how much disposed of."""
        erased = _Numbers(run for each in self._declared if each.event_type == ERASED for run in each.payloads)
        declared = _Numbers(run for each in self._declared for run in each.payloads)
        for seq in sorted(seq for seq in self._held if seq in declared):
            event_type = ERASED if seq in erased else "log.disposed"
            wanted = f"no payload: a {event_type} says it is gone"
            self._find("not_erased", seq, expected=wanted, found="one, or none to destroy")
        for seq in (seq for seq in self._absent if seq not in declared):
            line = self._without_payload(seq)
            for part, committed in line.commitments.items():
                self._find_part("missing", part, line, expected=f"a value for {committed}", found="nothing")
        self._check_holds()
        counts = [sum(seq in numbers for seq in self._absent) for numbers in (erased, declared)]
        return counts[0], counts[1] - counts[0]

    def _without_payload(self, seq: int) -> Line:
        return read_line(zlib.decompress(self._absent[seq]).decode())

    def _check_holds(self) -> None:
        """That nothing was destroyed which a hold covered at that time."""
        versions, against = versions_of(self._holds), set[int]()
        absent = sorted(self._absent) if versions else []
        for each in self._declared:
            in_force = [version for version in versions if version.is_in_force(each.seq, each.at)]
            for first, last in each.payloads if in_force else ():
                for seq in absent[bisect_left(absent, first) : bisect_right(absent, last)]:
                    line = self._without_payload(seq)
                    if seq not in against and any(version.covers(line) for version in in_force):
                        against.add(seq)
                        found = f"none: entry {each.seq} says it is gone"
                        self._find("held_destroyed", seq, expected="a payload, held", found=found, session=line.session)

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
        if part in entry.withheld:
            if committed is None:
                self._find_part("commitment_wrong", part, line, expected="no such part", found="one that is withheld")
        elif held is None:
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
        for first, last in self._lacking():
            wanted = f"entry {first}" if first == last else f"entries {first} to {last}"
            self._find("missing", first, expected=wanted, found=f"no entry up to {last}")
        end = self._order.end
        if self._expect is not None and self._expect.seq > end:
            wanted = f"entries up to the expected head {self._expect.seq}"
            self._find("truncated", end + 1, expected=wanted, found=f"the end after {end}")
        erased, disposed = self._check_declared()
        findings = tuple(sorted(self._findings, key=lambda finding: finding.seq))
        return Report(self._verdict(), findings, self._log, str(self._order.top), erased, disposed)

    def _lacking(self) -> Iterable[Sequence[int]]:
        """The runs of numbers that should be there."""
        if self._picked is not None:
            return () if self.is_broken else self._picked.lacking()
        return () if self._order.sparse else self._order.gaps

    def _verdict(self) -> str:
        kinds = {finding.kind for finding in self._findings}
        if kinds:
            return "unverifiable" if kinds == {"unverifiable"} else "findings"
        at_end = self._expect is not None and self._expect.seq == self._order.top.seq
        return "proven" if at_end and self._met else "consistent"


# ---- Signatures: Ed25519 (RFC 8032), cofactorless, as OpenSSL verifies ----

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1: Final = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]
"""A point of the curve in extended coordinates X, Y, Z, T, with x = X/Z, y = Y/Z and x * y = T/Z."""
_NEUTRAL: Final[Point] = (0, 1, 1, 0)


@lru_cache(1024)
def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is one of ``message`` by ``public``: RFC 8032, section 5.1.7, every encoding canonical.

    A public key of small order, which fits many messages at once, is none.
    """
    point = _decoded_point(public) if len(public) == 32 else None
    if point is None or len(signature) != 64 or _is_neutral(_times(8, point)):
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % _L
    negative = (_P - point[0], point[1], point[2], _P - point[3])
    return _encoded_point(_added(_times(s, _BASE), _times(k, negative))) == r


def _added(a: Point, b: Point) -> Point:
    x = (a[1] - a[0]) * (b[1] - b[0]) % _P
    y = (a[1] + a[0]) * (b[1] + b[0]) % _P
    t = 2 * a[3] * b[3] * _D % _P
    z = 2 * a[2] * b[2] % _P
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    result = _NEUTRAL
    for bit in f"{factor:b}":
        result = _added(result, result)
        if bit == "1":
            result = _added(result, point)
    return result


def _is_neutral(point: Point) -> bool:
    return point[0] == 0 and point[1] == point[2]


def _encoded_point(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decoded_point(raw: bytes) -> Point | None:
    """RFC 8032, section 5.1.3; ``None`` for bytes that are no point's one encoding."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P != u:
        x = x * _ROOT_OF_MINUS_1 % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE: Final = _decoded_point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _NEUTRAL


# ---- Signed notes, checkpoints, cosignatures (TREE.md, KEYS.md) ----

CHECKPOINT_KEY: Final = 1
COSIGNER_KEY: Final = 4
_CONTROL: Final = re.compile("[\x00-\x1f]")
_NOTE_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")
_DASH: Final = "\u2014 "
_MAX_SIZE: Final = 2**63 - 1
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, with the name that it signs under and what it is for."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Key":
        """The key of ``name+id+base64(kind ‖ key)``; raises ``ValueError`` where its parts don't fit together."""
        name, _, rest = text.partition("+")
        raw = _unbased(rest.partition("+")[2])
        if not _is_name(name) or len(raw) != 33 or raw[0] not in {CHECKPOINT_KEY, COSIGNER_KEY}:
            raise ValueError("not a verifier key: name+id+key, the key of type 01 or 04 in base64")
        key = cls(name, raw[0], raw[1:])
        if str(key) != text:
            raise ValueError("a verifier key's id does not belong to its name and key: it was changed")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes that signatures name the key by, beside its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def as_cosigner(self) -> "Key":
        """The same key as a cosigner's: so the notary states the time."""
        return Key(self.name, COSIGNER_KEY, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note taken apart, nothing of it verified: names, ids and bytes of its signatures."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, whole: str) -> "Note":
        """Raises ``ValueError`` for anything but exactly one note."""
        text, separator, lines = whole.rpartition("\n\n")
        if not separator or not text or not lines.endswith("\n") or _NOTE_CONTROL.search(whole):
            raise ValueError("no signed note: a text, an empty line, and lines of signatures")
        signatures = tuple(map(_read_signature, lines.removesuffix("\n").split("\n")))
        if len(signatures) > 64:
            raise ValueError("a note bears more than 64 signatures")
        return cls(text + "\n", signatures)

    def signed_by(self, key: Key) -> "list[Signed]":
        """Its signatures by ``key``, each verified; raises ``ValueError`` where one does not fit."""
        mine = [raw for name, key_id, raw in self.signatures if (name, key_id) == (key.name, key.id)]
        return [Signed(key, _verified(self.text, raw, key)) for raw in mine]


@dataclass(frozen=True, slots=True)
class Signed:
    """That a key signed; ``at`` is as of when, by its own clock, where it is a cosigner's."""

    key: Key
    at: str | None


def _verified(text: str, raw: bytes, key: Key) -> str | None:
    if key.kind == CHECKPOINT_KEY:
        if not verify_ed25519(key.public, text.encode(), raw):
            raise ValueError(f"the signature of {key.name} does not fit")
        return None
    seconds = int.from_bytes(raw[:8], "big")
    if len(raw) != 72 or not 0 < seconds <= _LATEST:
        raise ValueError(f"the cosignature of {key.name} is none")
    if not verify_ed25519(key.public, f"cosignature/v1\ntime {seconds}\n{text}".encode(), raw[8:]):
        raise ValueError(f"the cosignature of {key.name} does not fit")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _unbased(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or len(raw) <= 4:
        raise ValueError("a note's signature is not laid out as it should be")
    return name, raw[:4], raw[4:]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(map(str.isspace, name)) and not _CONTROL.search(name)


def _unbased(text: str) -> bytes:
    """The bytes of canonical base64; raises ``ValueError`` for any other spelling."""
    raw = base64.b64decode(text.encode(), validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("base64 in another spelling than its one")
    return raw


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint that a note's text is; raises ``ValueError`` for anything but exactly one."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines) or any(map(_CONTROL.search, lines)):
            raise ValueError("no checkpoint: an origin, a size and a root, on lines of their own")
        origin, size, root = lines[0], lines[1], _unbased(lines[2])
        if re.fullmatch("0|[1-9][0-9]{0,18}", size) is None or int(size) > _MAX_SIZE or len(root) != 32:
            raise ValueError("a checkpoint whose size or root is none")
        if size == "0" and root != hashlib.sha256(b"").digest():
            raise ValueError("a checkpoint gives a tree without leaves the root of another one")
        return cls(origin, int(size), root)


# ---- The key history (KEYS.md) ----

Place = tuple[int, int]
"""A tree: the log's incarnation, and the size. Those of a later incarnation come after all earlier."""


def key_name(log: str) -> str:
    """The name of the checkpoint keys of a log, which is given without or with its incarnation."""
    return "".join(
        "".join(f"%{byte:02X}" for byte in each.encode()) if each.isspace() or each in "+%" else each
        for each in log.partition("~")[0]
    )


def place_of(log: str, size: int) -> Place:
    """The tree of ``size`` of the log with this full name."""
    return int(log.partition("~")[2]), size


@dataclass(frozen=True, slots=True)
class _Statement:
    change: str
    key: Key
    previous: Key | None
    after: Place


_STATEMENT: Final = re.compile(
    r"unbroken key statement v1\nlog ([^~\x00-\x1f]+)\nchange (first|rotated|lost)\nkey (.+)\n(?:previous (.+)\n)?"
    r"from ([1-9][0-9]{0,18}) (0|[1-9][0-9]{0,18})\ntime (.+)\n"
)


def _read_statement(whole: str, log: str) -> _Statement:
    """What a key statement of this log says; raises ``ValueError`` unless all signed it who have to."""
    note = Note.parse(whole)
    match = _STATEMENT.fullmatch(note.text)
    if match is None or match[1] != log.partition("~")[0] or not _is_ts(match[7]):
        raise ValueError("no key statement of this log")
    key, previous = Key.parse(match[3]), None if match[4] is None else Key.parse(match[4])
    after = int(match[5]), int(match[6])
    if {each.name for each in (key, previous or key)} != {key_name(log)} or max(after) > _MAX_SIZE:
        raise ValueError("a key statement about a key of another name, or a tree that no log has")
    if (previous is None) != (match[2] == "first") or {each.kind for each in (key, previous or key)} != {1}:
        raise ValueError("a key statement that names the wrong keys")
    for signer in (key, previous) if match[2] == "rotated" else (key,):
        if signer is not None and not note.signed_by(signer):
            raise ValueError("a key statement that lacks a signature")
    return _Statement(match[2], key, previous, after)


@dataclass(frozen=True, slots=True)
class _Term:
    """The trees that a key signs, those after one place and up to another, and whether it is trusted for them."""

    key: Key
    after: Place
    until: Place | None
    is_trusted: bool

    def covers(self, tree: Place) -> bool:
        return self.after < tree and (self.until is None or tree <= self.until)


class Keys:
    """The keys of one log: those that its history claims, and those that whoever verifies trusts.

    Raises ``ValueError`` for statements that are no history of this log.
    """

    def __init__(self, log: str, statements: Sequence[str], trusted: Iterable[Key]) -> None:
        read = [_read_statement(each, log) for each in statements]
        _require_history(read)
        own = {key for key in trusted if key.kind == CHECKPOINT_KEY and key.name == key_name(log)}
        self.claimed = _terms(read, own)
        unspoken = sorted(own - {term.key for term in self.claimed}, key=str)
        self.terms = [*self.claimed, *(_Term(key, (0, 0), None, is_trusted=True) for key in unspoken)]

    def signers(self, note: Note, tree: Place) -> list[_Term]:
        """Whose signature of this tree counts; each is verified. Raises ``ValueError`` where one does not fit."""
        signed = [term for term in self.terms if note.signed_by(term.key)]
        return [term for term in signed if term.covers(tree)]


def _require_history(statements: Sequence[_Statement]) -> None:
    before: _Statement | None = None
    for each in statements:
        if each.previous != (None if before is None else before.key):
            raise ValueError("a key statement that does not continue the one before it")
        if before is not None and each.after < before.after:
            raise ValueError("a key statement that goes back before the one before it")
        before = each
    if len({each.key.public for each in statements}) != len(statements):
        raise ValueError("a key that was given up comes back")


def _terms(statements: Sequence[_Statement], trusted: set[Key]) -> list[_Term]:
    """Each key's term. Keys that rotations join are trusted together; a loss begins anew."""
    runs: list[list[Key]] = []
    for each in statements:
        runs[-1:] = [[*runs[-1], each.key]] if each.change == "rotated" else [*runs[-1:], [each.key]]
    reached = {key for run in runs if trusted & set(run) for key in run}
    ends = [*(each.after for each in statements[1:]), None]
    return [_Term(each.key, each.after, end, each.key in reached) for each, end in zip(statements, ends, strict=False)]


# ---- One proof for many leaves (TREE.md) ----


def verify_multiproof(leaves: Mapping[int, bytes], *, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that these leaves, by their position from 0, are in the tree of ``size`` and ``root``."""
    if not leaves or min(leaves) < 0 or not max(leaves) < size <= _MAX_SIZE:
        return False
    told, beside = deque(sorted(leaves.items())), deque(proof)

    def root_over(start: int, end: int) -> bytes:
        if not told or told[0][0] >= end:
            return beside.popleft()
        if end - start == 1:
            return told.popleft()[1]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        left = root_over(start, middle)
        return hashlib.sha256(b"\x01" + left + root_over(middle, end)).digest()

    try:
        computed = root_over(0, size)
    except IndexError:
        return False
    return not beside and computed == root


# ---- What a bundle is about (EVIDENCE.md, "selection") ----

FLAGS: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(flags.split())
    for flags, kinds in {
        "": "UNSCANNED",
        "card": "CARD_EXPIRY CARD_CODE",
        "health": "DE_BSNR",
        "secret": "SECRET API_KEY PASSWORD PRIVATE_KEY JWT URL_CREDENTIALS CONNECTION_SECRET",
        "card personal": "CREDIT_CARD CARD_TRACK",
        "health personal": "MEDICAL_RECORD HEALTH_PLAN US_MBI US_NPI UK_NHS MEDICAL_LICENSE DE_HEALTH_INSURANCE"
        " DE_LANR AU_MEDICARE",
    }.items()
    for kind in kinds.split()
}
"""What kinds of redaction say of an entry, where it is more than that something personal was in it."""

_SPAN: Final[Mapping[str, TypeCheck]] = {"from": _is_ts, "to": _is_ts}
SELECTIONS: Final[Mapping[str, tuple[Mapping[str, TypeCheck], frozenset[str]]]] = {
    "log": ({}, frozenset()),
    "session": ({"session": _is_text}, frozenset({"session"})),
    "actor": ({"ids": _is_list}, frozenset({"ids"})),
    "subject": ({"ids": _is_list}, frozenset({"ids"})),
    "time": (_SPAN, frozenset()),
    "actions": ({"agent": _is_text, "ids": _is_list, **_SPAN}, frozenset({"agent", "ids"})),
    "access": ({"ids": _is_list, "type": _is_text}, frozenset({"ids"})),
    "contains": ({"flags": _is_list, **_SPAN}, frozenset({"flags"})),
    "errors": (_SPAN, frozenset()),
    "unapproved": (_SPAN, frozenset()),
}
"""By kind, or by the name of a query: what else a selection holds, and what of it has to be there."""
QUERIES: Final = frozenset({"actions", "access", "contains", "errors", "unapproved"})


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for. ``name`` is the kind, or the query's name; ``values`` all that the manifest holds of it."""

    name: str
    upto: int
    values: Mapping[str, Any]

    @classmethod
    def read(cls, value: object) -> "Selection":
        """Raises ``ValueError`` for anything that EVIDENCE.md doesn't know."""
        value = _as_object(value)
        is_query = value.get("kind") == "query"
        name = value.get("name" if is_query else "kind")
        if not isinstance(name, str) or name not in SELECTIONS or (name in QUERIES) != is_query:
            raise ValueError("a selection of an unknown kind or name")
        shape, required = SELECTIONS[name]
        own = {"kind": _is_text, "upto": _shaped("[1-9][0-9]{0,15}"), **({"name": _is_text} if is_query else {})}
        fault = _fault(value, shape={**own, **shape}, required=required | own.keys())
        if fault is not None:
            raise ValueError(f"a selection with {fault}")
        return cls(name, int(value["upto"]), value)

    @property
    def is_rerun(self) -> bool:
        """Whether one entry alone shows if it was meant."""
        return self.name != "unapproved"

    def matches(self, line: Line) -> bool:
        """Whether it was asked for this entry."""
        is_meant = not self.is_rerun or (self._holds(line.recorded_at) and self._means(line.event))
        return line.seq <= self.upto and is_meant

    def _means(self, event: Mapping[str, Any]) -> bool:
        ids = self.values.get("ids", ())
        match self.name:
            case "session":
                return bool(event.get("session_id") == self.values["session"])
            case "actor":
                return event["actor_id"] in ids
            case "subject":
                return bool(set(event.get("subjects", ())) & set(ids))
            case "actions":
                return event.get("agent_id") == self.values["agent"] and event["actor_id"] in ids
            case "access":
                kind = self.values.get("type", event.get("resource_type"))
                return event.get("resource_id") in ids and event.get("resource_type") == kind
            case "contains":
                return bool(set(self.values["flags"]) & _flags_of(event))
            case "errors":
                return bool(event["event_type"] == "error")
        return True

    def _holds(self, recorded_at: str) -> bool:
        return self.values.get("from", "") <= recorded_at and (
            "to" not in self.values or recorded_at < self.values["to"]
        )


def _flags_of(event: Mapping[str, Any]) -> set[str]:
    kinds = (item.partition(":")[0] for item in event.get("redactions", ()))
    return {flag for kind in kinds for flag in FLAGS.get(kind, frozenset({"personal"}))}


# ---- The manifest ----

LISTED: Final = ("LIMITS.md", "entries.csv", "entries.jsonl", "verify.html", "verify.py")
"""The files that the manifest answers for."""
PAIRS: Final = (("exported.jsonl", "manifest.note"), ("checkpoint.note", "proof.json"))
"""Files that are both there or neither."""
ALWAYS: Final = ("manifest.json", *LISTED, "anchors.jsonl", "keys.json")
FILES: Final = frozenset({*ALWAYS, *(name for pair in PAIRS for name in pair)})
SMALL_LIMIT: Final = 256 << 20
"""Bytes of one file, other than those that are read line by line, that this verifier reads."""


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_hex64s(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_hex64, value))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_runs(value: object) -> bool:
    """Whether these are runs of numbers, ascending, neither overlapping nor touching; at least one."""
    if not isinstance(value, list) or not value:
        return False
    end = -1
    for run in value:
        if not isinstance(run, list) or len(run) != 2 or not all(map(_is_number, run)):
            return False
        if not end + 1 < run[0] <= run[1]:
            return False
        end = run[1]
    return True


def _is_version_1(value: object) -> bool:
    return type(value) is int and value == 1


MANIFEST: Final[Mapping[str, TypeCheck]] = {
    "entries": _is_count,
    "exported": _is_object,
    "files": _is_object,
    "log": LINE["log"],
    "selected": _is_runs,
    "selection": _is_object,
    "software": _is_text,
    "v": _is_version_1,
    "with_range": _is_bool,
    "withheld": _is_object,
}
EXPORTED: Final[Mapping[str, TypeCheck]] = {
    "at": _is_ts,
    "by": _is_text,
    "case": _is_text,
    "duty": _is_text,
    "purpose": _is_text,
    "ticket": _is_uuid,
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself."""

    log: str
    exported: Mapping[str, str]
    selection: Selection
    selected: tuple[tuple[int, int], ...]
    with_range: bool
    entries: int
    withheld: Mapping[str, int]
    files: Mapping[str, Mapping[str, Any]]
    sha256: str

    @classmethod
    def read(cls, raw: bytes) -> "Manifest":
        """Raises :class:`UnverifiableError` for another version, ``ValueError`` for what is no manifest."""
        value = _read_object(raw, {}, required=frozenset())
        if _is_count(value.get("v")) and value["v"] != 1:
            raise UnverifiableError("a manifest of a version that this verifier does not know")
        value = _read_object(raw, MANIFEST, required=frozenset(MANIFEST))
        exported, files, withheld = value["exported"], value["files"], value["withheld"]
        fault = _fault(exported, shape=EXPORTED, required=frozenset(EXPORTED) - {"case"})
        fault = fault or _fault(withheld, shape=dict.fromkeys(PARTS, _is_number), required=frozenset())
        listed = _fault(files, shape=dict.fromkeys(LISTED, _is_object), required=frozenset(LISTED))
        stated = {"bytes": _is_count, "sha256": _is_hex64}
        for each in () if listed else files.values():
            listed = listed or _fault(each, shape=stated, required=frozenset(stated))
        if fault or listed:
            raise ValueError(str(fault or listed))
        runs = tuple((first, last) for first, last in value["selected"])
        return cls(
            log=value["log"],
            exported=exported,
            selection=Selection.read(value["selection"]),
            selected=runs,
            with_range=value["with_range"],
            entries=value["entries"],
            withheld=withheld,
            files=files,
            sha256=hashlib.sha256(raw).hexdigest(),
        )

    @property
    def first(self) -> int:
        """The first selected number."""
        return self.selected[0][0]

    @property
    def last(self) -> int:
        """The last selected number."""
        return self.selected[-1][1]

    def has(self, seq: int) -> bool:
        """Whether the entry with this number was selected."""
        at = bisect_right(self.selected, seq, key=lambda run: run[0]) - 1
        return at >= 0 and seq <= self.selected[at][1]

    def spans(self, seq: int) -> bool:
        """Whether the line with this number is there for the sake of the range."""
        return self.with_range and self.first <= seq <= self.last


def _require(fits: bool, why: str) -> None:
    if not fits:
        raise ValueError(why)


def _as_object(value: object) -> dict[str, Any]:
    _require(isinstance(value, dict), "no object")
    return value if isinstance(value, dict) else {}


def _read_object(raw: bytes, shape: Mapping[str, TypeCheck], *, required: frozenset[str]) -> dict[str, Any]:
    """The object of a file that is one canonical line; of any keys where ``shape`` is empty. Raises ``ValueError``."""
    text = raw.decode()
    value = _as_object(_parse(text.removesuffix("\n")))
    if not shape:
        return value
    fault = _fault(value, shape=shape, required=required)
    if fault is not None:
        raise ValueError(fault)
    if _canonical(value) + "\n" != text:
        raise ValueError("another spelling than the canonical one, with one LF")
    return value


# ---- The files of a bundle ----


class Files:
    """The files of a bundle: their names, and how each is opened.

    Raises :class:`UnverifiableError` where one can't be read to its end.
    """

    def __init__(self, names: frozenset[str], opened: Callable[[str], IO[bytes]]) -> None:
        self.names = names
        self.open = opened
        self.digests = {name: self._digest(name) for name in sorted(names)}

    @classmethod
    def of_folder(cls, path: Path) -> "Files":
        """Those in a folder; raises :class:`UnverifiableError` if there is anything else in it."""
        found = [each for each in path.iterdir() if not each.name.startswith(".")]
        if not {each.name for each in found} <= FILES or not all(each.is_file() for each in found):
            raise UnverifiableError("a folder with something in it that is no file of a bundle")
        return cls(frozenset(each.name for each in found), lambda name: (path / name).open("rb"))

    @classmethod
    def of_archive(cls, file: IO[bytes]) -> "Files":
        """Those in a ZIP archive; raises :class:`UnverifiableError` for one that programs may read differently."""
        try:
            _require_end(file)
            archive = zipfile.ZipFile(file)
            return cls(_archive_names(archive), archive.open)
        except _UNREADABLE as error:
            raise UnverifiableError("no ZIP archive that can be read") from error

    def read(self, name: str) -> bytes:
        """All of a file that is there; raises :class:`UnverifiableError` for one that is too large."""
        if self.digests[name][0] > SMALL_LIMIT:
            raise UnverifiableError(f"the file {name} is larger than {SMALL_LIMIT} bytes")
        with self.open(name) as file:
            return file.read()

    def _digest(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file; reads all of it, so that an archive's checksums are checked."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.open(name) as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
        except _UNREADABLE as error:
            raise UnverifiableError(f"the file {name} can't be read") from error
        return size, digest.hexdigest()


_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, IndexError, NotImplementedError, RuntimeError, ValueError,
    OSError,
)  # fmt: skip
"""What reading a damaged archive raises."""
_END_BYTES: Final = 22


def _require_end(file: IO[bytes]) -> None:
    """That an archive ends with its directory's end, and nothing behind it, which some programs would not see."""
    file.seek(-_END_BYTES, 2)
    end = file.read()
    file.seek(0)
    if not end.startswith(b"PK\x05\x06") or end[-2:] != b"\x00\x00":
        raise UnverifiableError("an archive that is cut off, or has something behind its files")


def _archive_names(archive: zipfile.ZipFile) -> frozenset[str]:
    infos = archive.infolist()
    names = frozenset(info.filename for info in infos)
    if not names <= FILES or len(names) != len(infos):
        raise UnverifiableError("an archive with something in it that is no file of a bundle, or a name twice")
    if not infos or min(info.header_offset for info in infos) != 0:
        raise UnverifiableError("an archive with something before its files")
    if any(info.flag_bits & 1 or info.compress_type not in {0, zipfile.ZIP_DEFLATED} for info in infos):
        raise UnverifiableError("an archive that is encrypted, or compressed in an unusual way")
    return names


# ---- Checking a bundle (EVIDENCE.md, "What a verifier checks, in which order") ----


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of an intact entry once it was checked."""

    hash: str
    matches: bool
    has_payload: bool
    declares: bool
    session_seq: int
    session: str | None


class _Picked:
    """What entries.jsonl held, by number, and what should have been there."""

    def __init__(self, manifest: Manifest) -> None:
        self.log = manifest.log
        self.entries: dict[int, _Kept] = {}
        self.withheld = dict.fromkeys(PARTS, 0)
        self._manifest = manifest

    def take(self, line: Line, entry: Entry) -> None:
        """Keep what later steps need of an intact entry."""
        for part in entry.withheld:
            self.withheld[part] += 1
        self.entries[line.seq] = _Kept(
            entry.stated,
            self._manifest.selection.matches(line),
            bool(entry.parts),
            line.event_type in DECLARING and line.is_own,
            line.session_seq,
            line.session,
        )

    def lacking(self) -> list[tuple[int, int]]:
        """The runs of numbers that should be there and are not."""
        wanted = [(self._manifest.first, self._manifest.last)] if self._manifest.with_range else self._manifest.selected
        runs = []
        there = sorted(self.entries)
        for first, last in wanted:
            at = first
            for seq in there[bisect_left(there, first) : bisect_right(there, last)]:
                runs += [(at, seq - 1)] if at < seq else []
                at = seq + 1
            runs += [(at, last)] if at <= last else []
        return runs


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed or cosigned the checkpoint; ``at`` by its own clock, where it says so."""

    name: str
    key: str
    trusted: bool
    at: str | None


@dataclass(slots=True)
class BundleReport:
    """What a check of a bundle showed."""

    verdict: str = "unverifiable"
    log: str | None = None
    draft: bool = False
    elsewhere: bool = False
    size: int | None = None
    root: str | None = None
    entries: int = 0
    selected: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    erased: int = 0
    disposed: int = 0
    selection: Mapping[str, Any] = field(default_factory=dict)
    exported: Mapping[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    signed: list[Signer] = field(default_factory=list)
    witnessed: list[Signer] = field(default_factory=list)
    anchors: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def verify_bundle(path: Path, trusted: Iterable[Key] = ()) -> BundleReport:
    """Check the bundle at ``path``, an archive or a folder.

    Raises ``OSError`` where there is none; nothing that stands in it raises.
    """
    keys = tuple(trusted)
    if path.is_dir():
        return _verified_bundle(lambda: Files.of_folder(path), keys)
    with path.open("rb") as file:
        return _verified_bundle(lambda: Files.of_archive(file), keys)


def _verified_bundle(opened: Callable[[], Files], trusted: tuple[Key, ...]) -> BundleReport:
    try:
        files = opened()
    except UnverifiableError as error:
        finding = Finding("unverifiable", 0, expected="a bundle in a ZIP archive or a folder", found=str(error))
        return BundleReport(findings=[finding])
    return _BundleCheck(files, trusted).report()


class _BundleCheck:
    """One run over one bundle."""

    def __init__(self, files: Files, trusted: tuple[Key, ...]) -> None:
        self._files = files
        self._trusted = trusted
        self._cosigners = {key for key in trusted if key.kind == COSIGNER_KEY}
        self._report = BundleReport()
        self._is_whole = True
        self._leaves: dict[int, bytes] = {}
        self._signers: set[Key] = set()

    def report(self) -> BundleReport:
        """Check all that there is, and close with the verdict."""
        try:
            manifest = self._read_manifest()
        except UnverifiableError as error:
            manifest = None
            self._find("unverifiable", expected="files that this verifier knows and can read", found=str(error))
        if manifest is not None:
            self._report.log = manifest.log
            self._report.exported, self._report.selection = manifest.exported, manifest.selection.values
            self._report.draft = not {"exported.jsonl", "manifest.note"} & self._files.names
            try:
                self._check(manifest)
            except UnverifiableError as error:
                self._find("unverifiable", expected="files that this verifier can read", found=str(error))
        self._report.findings.sort(key=lambda finding: finding.seq)
        self._report.verdict = self._verdict()
        return self._report

    def _find(self, kind: str, seq: int = 0, *, expected: str, found: str, part: str | None = None) -> None:
        self._report.findings.append(Finding(kind, seq, expected, found, part=part))

    def _read_manifest(self) -> Manifest | None:
        if "manifest.json" not in self._files.names:
            self._find("altered_file", part="manifest.json", expected="the file", found="nothing")
            return None
        try:
            return Manifest.read(self._files.read("manifest.json"))
        except ValueError as error:
            self._find("manifest_wrong", expected="a manifest of version 1", found=_said(error))
            return None

    def _check(self, manifest: Manifest) -> None:
        self._check_files(manifest)
        if "entries.jsonl" in self._files.names:
            self._check_entries(manifest)
        if "exported.jsonl" in self._files.names:
            self._check_exported(manifest)
        keys, cosigners = self._read_keys(manifest)
        checkpoint = self._check_checkpoint(manifest, keys, cosigners)
        if checkpoint is not None and "proof.json" in self._files.names:
            self._check_proof(checkpoint)
        self._check_anchors(manifest, checkpoint, keys, cosigners)

    def _check_files(self, manifest: Manifest) -> None:
        names = self._files.names
        wanted = {*ALWAYS, *(name for pair in PAIRS if names & set(pair) for name in pair)}
        for name in sorted(wanted):
            stated = manifest.files.get(name)
            if name not in names:
                self._find("altered_file", part=name, expected="the file", found="nothing")
            elif stated is not None and self._files.digests[name] != (stated["bytes"], stated["sha256"]):
                found = "{} bytes with the SHA-256 {}".format(*self._files.digests[name])
                wanted_ = f"{stated['bytes']} bytes with the SHA-256 {stated['sha256']}"
                self._find("altered_file", part=name, expected=wanted_, found=found)

    # -- entries --

    def _check_entries(self, manifest: Manifest) -> None:
        picked, count = _Picked(manifest), 0
        check = _Check(None, Head(0, GENESIS), None, picked=picked)
        with self._files.open("entries.jsonl") as file:
            for text in physical_lines(file):
                check.take(text.removesuffix("\n"))
                count += 1
        shown = check.report()
        self._report.findings += shown.findings
        self._report.erased, self._report.disposed, self._report.entries = shown.erased, shown.disposed, count
        self._report.withheld = {part: number for part, number in picked.withheld.items() if number}
        self._report.selected = sum(manifest.has(seq) for seq in picked.entries)
        self._is_whole = not check.is_broken
        self._leaves = {seq - 1: bytes.fromhex(kept.hash) for seq, kept in picked.entries.items()}
        self._check_manifest_of(manifest, picked, count)
        self._check_selection(manifest, picked)

    def _check_manifest_of(self, manifest: Manifest, picked: _Picked, count: int) -> None:
        counted = _canonical({"entries": count, "withheld": self._report.withheld})
        stated = _canonical({"entries": manifest.entries, "withheld": manifest.withheld})
        if stated != counted:
            self._find("manifest_wrong", expected=counted, found=stated)
        elif manifest.selection.upto < manifest.last:
            self._find("manifest_wrong", expected="nothing selected after upto", found=f"entry {manifest.last}")
        elif manifest.selection.name == "log" and manifest.selected != ((1, manifest.selection.upto),):
            self._find("manifest_wrong", expected="all entries selected", found="some of them")
        for seq, kept in picked.entries.items():
            if not (manifest.has(seq) or manifest.spans(seq) or kept.declares):
                self._find("manifest_wrong", seq, expected="only what was selected", found="an entry beside it")
            elif not manifest.has(seq) and not kept.declares and kept.has_payload:
                self._find("manifest_wrong", seq, expected="a line for the range alone", found="a payload with it")

    def _check_selection(self, manifest: Manifest, picked: _Picked) -> None:
        selection = manifest.selection
        gaps = {finding.seq for finding in self._report.findings if finding.kind == "session_gap"}
        number = 0
        for seq, kept in sorted(picked.entries.items()):
            if manifest.has(seq) is kept.matches or not (manifest.has(seq) or manifest.spans(seq)):
                pass
            elif manifest.has(seq):
                self._find("selection_wrong", seq, expected="only entries that match", found="one that does not")
            elif selection.is_rerun:
                self._find("selection_wrong", seq, expected="every entry that matches", found="one that was left out")
            if selection.name == "session" and self._is_whole and manifest.has(seq) and kept.matches:
                if kept.session_seq != number + 1 and seq not in gaps:
                    wanted, found = f"session_seq {number + 1}", f"session_seq {kept.session_seq}"
                    self._report.findings.append(Finding("session_gap", seq, wanted, found, session=kept.session))
                number = kept.session_seq
        if not selection.is_rerun:
            self._report.remarks.append(f"whether an entry belongs to the query {selection.name!r} was not checked")

    # -- who exported it --

    def _check_exported(self, manifest: Manifest) -> None:
        try:
            key = self._read_exported(manifest)
        except (ValueError, UnverifiableError, NonCanonicalError) as error:
            self._find("export_wrong", expected="the entry log.exported of this bundle", found=_said(error))
            return
        if "manifest.note" not in self._files.names:
            return
        try:
            note = Note.parse(self._files.read("manifest.note").decode())
            text = f"unbroken evidence v1\n{manifest.log}\n{manifest.sha256}\n"
            _require(note.text == text, "a note about something else than this manifest")
            _require(bool(note.signed_by(key)), "no signature of the exporter")
        except ValueError as error:
            wanted = "the exporter's signature of this manifest"
            self._find("signature_wrong", part="manifest.note", expected=wanted, found=_said(error))

    def _read_exported(self, manifest: Manifest) -> Key:
        """The exporter's key, by the log's word; raises for anything but the entry of this export."""
        entry, line = self._read_intact("exported.jsonl")
        last = max(self._leaves, default=-1) + 1
        if line.log == manifest.log:
            self._leaves.setdefault(line.seq - 1, bytes.fromhex(entry.stated))
        said = _details_of(line, entry)
        self._require_export(manifest, line, said, last=last)
        key = Key.parse(said["key"])
        if line.log != manifest.log:
            self._report.elsewhere = True
            self._report.remarks.append(f"the export is recorded in {line.log}, of which nothing here shows anything")
        return key

    def _read_intact(self, name: str) -> tuple[Entry, Line]:
        """The only entry of a file; raises where it is broken, and then no proof is judged."""
        self._is_whole, was_whole = False, self._is_whole
        lines = self._files.read(name).decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        if len(lines) != 1:
            raise ValueError(f"{len(lines)} lines")
        entry = read_export(lines[0])
        line = read_line(entry.line)
        if entry.computed != entry.stated:
            raise ValueError("an entry that was altered")
        self._is_whole = was_whole
        return entry, line

    def _require_export(self, manifest: Manifest, line: Line, said: Mapping[str, Any], *, last: int) -> None:
        _require(line.event_type == "log.exported" and line.is_own, "another entry")
        if line.log == manifest.log:
            _require(line.seq > last, "an entry that is not after those that were exported")
        else:
            is_told = said.get("log") == manifest.log and _is_later(line.log, manifest.log)
            _require(is_told, "an entry of another log")
        _require(line.event["actor_id"] == manifest.exported["by"], "an export by somebody else")
        selection = said.get("selection")
        stated = (
            said.get("manifest_sha256"),
            said.get("ticket"),
            said.get("entries"),
            selection.get("kind") if isinstance(selection, dict) else None,
        )
        wanted = manifest.sha256, manifest.exported["ticket"], manifest.entries, manifest.selection.values["kind"]
        if stated != wanted or isinstance(said.get("entries"), bool) or not isinstance(said.get("key"), str):
            raise ValueError("the entry of another export")

    # -- whose checkpoint it is --

    def _read_keys(self, manifest: Manifest) -> tuple[Keys, set[Key]]:
        """The log's keys, and the cosigners that are known."""
        shape: Mapping[str, TypeCheck] = {"cosigners": _is_texts, "statements": _is_texts, "v": _is_version_1}
        statements, cosigners = [], set[Key]()
        if "keys.json" in self._files.names:
            try:
                value = _read_object(self._files.read("keys.json"), shape, required=frozenset(shape))
                cosigners = set(map(Key.parse, value["cosigners"]))
                _require(all(key.kind == COSIGNER_KEY for key in cosigners), "a cosigner's key of another type")
                Keys(manifest.log, value["statements"], ())
                statements = value["statements"]
            except ValueError as error:
                cosigners = set()
                self._find("keys_wrong", expected="the history of this log's keys", found=_said(error))
        return Keys(manifest.log, statements, self._trusted), cosigners | self._cosigners

    def _check_checkpoint(self, manifest: Manifest, keys: Keys, cosigners: set[Key]) -> Checkpoint | None:
        if "checkpoint.note" not in self._files.names:
            return None
        try:
            note = Note.parse(self._files.read("checkpoint.note").decode())
            checkpoint = Checkpoint.parse(note.text)
            _require(checkpoint.origin == manifest.log, "a checkpoint of another log")
        except ValueError as error:
            self._find("checkpoint_wrong", expected=f"a checkpoint of {manifest.log}", found=_said(error))
            return None
        self._report.size, self._report.root = checkpoint.size, checkpoint.root.hex()
        try:
            signers = keys.signers(note, place_of(manifest.log, checkpoint.size))
            stated = {term.key: _cosigned(note, term.key.as_cosigner) for term in keys.terms}
            self._report.witnessed = self._witnesses(note, keys, cosigners)
        except ValueError as error:
            self._find("signature_wrong", part="checkpoint.note", expected="signatures that fit", found=_said(error))
            return checkpoint
        self._signers = {term.key for term in signers}
        self._report.signed = [
            Signer(term.key.name, str(term.key), term.is_trusted, stated[term.key]) for term in signers
        ]
        if keys.claimed and not any(term in keys.claimed for term in signers):
            wanted = "a signature of a key that may sign this tree, by the history in keys.json"
            self._find("checkpoint_wrong", expected=wanted, found="none")
        return checkpoint

    def _witnesses(self, note: Note, keys: Keys, cosigners: set[Key]) -> list[Signer]:
        own = {term.key.as_cosigner for term in keys.terms}
        return [
            Signer(key.name, str(key), key in self._cosigners, at)
            for key in sorted(cosigners - own, key=str)
            if (at := _cosigned(note, key)) is not None
        ]

    def _check_proof(self, checkpoint: Checkpoint) -> None:
        shape: Mapping[str, TypeCheck] = {"hashes": _is_hex64s, "size": _is_count, "v": _is_version_1}
        if not self._is_whole:
            return
        try:
            value = _read_object(self._files.read("proof.json"), shape, required=frozenset(shape))
            size, proof = value["size"], [bytes.fromhex(each) for each in value["hashes"]]
            _require(size == checkpoint.size, f"a proof for a tree of {size} entries")
            leads = verify_multiproof(self._leaves, size=size, root=checkpoint.root, proof=proof)
            _require(leads, "a proof that does not lead to the checkpoint's root")
        except ValueError as error:
            wanted = f"a proof that all entries are in the tree of {checkpoint.size}"
            self._find("not_included", expected=wanted, found=_said(error))

    # -- anchors --

    def _check_anchors(
        self, manifest: Manifest, checkpoint: Checkpoint | None, keys: Keys, cosigners: set[Key]
    ) -> None:
        if "anchors.jsonl" not in self._files.names:
            return
        seen: set[str] = set()
        with self._files.open("anchors.jsonl") as file:
            for text in physical_lines(file):
                kind, why = self._check_receipt(text, manifest, checkpoint, keys, cosigners)
                if kind is not None and kind not in seen:
                    seen.add(kind)
                    part = "anchors.jsonl" if kind == "signature_wrong" else None
                    self._find(kind, part=part, expected="receipts for this checkpoint", found=why)

    def _check_receipt(
        self, text: str, manifest: Manifest, checkpoint: Checkpoint | None, keys: Keys, cosigners: set[Key]
    ) -> tuple[str | None, str]:
        """What is wrong with one receipt, as kind and reason."""
        try:
            receipt = _read_receipt(text)
            note = Note.parse(receipt["note"])
            held = Checkpoint.parse(note.text)
            _require(held.origin == manifest.log, "a receipt for a checkpoint of another log")
            lines = _cosignatures(receipt, note) if receipt["kind"] == "witness" else None
        except ValueError as error:
            return "anchors_wrong", _said(error)
        try:
            signers = {term.key for term in keys.signers(note, place_of(held.origin, held.size))}
            witnessed = self._witnesses(lines, keys, cosigners) if lines is not None else []
        except ValueError as error:
            return "signature_wrong", _said(error)
        same = checkpoint is not None and checkpoint.size == held.size
        self._report.anchors.append(
            {
                "anchor": receipt["anchor"],
                "kind": receipt["kind"],
                "size": held.size,
                "compared": same,
                "witnessed": [asdict(each) for each in witnessed],
            }
        )
        if checkpoint is not None and same and held.root != checkpoint.root:
            if signers & self._signers:
                return "forked", "another tree of the same size, signed by a key of the log"
            return "anchors_wrong", "a receipt for another tree"
        return None, ""

    def _verdict(self) -> str:
        kinds = {finding.kind for finding in self._report.findings}
        if kinds:
            return "unverifiable" if kinds == {"unverifiable"} else "findings"
        if self._report.size is None or self._report.draft or self._report.elsewhere:
            return "consistent"
        return "proven" if any(each.trusted for each in self._report.signed) else "origin unproven"


def _said(error: Exception) -> str:
    """What an error says; nothing of what it quotes from a file."""
    return "text that is no UTF-8" if isinstance(error, UnicodeError) else str(error)


def _details_of(line: Line, entry: Entry) -> dict[str, Any]:
    """What an entry's details say; raises ``ValueError`` unless they match their commitment and are an object."""
    return _as_object(_parse(_matching_details(line, entry).decode()))


def _is_later(log: str, than: str) -> bool:
    """Whether this is a later incarnation of the same log."""
    (name, _, incarnation), (other, _, before) = log.partition("~"), than.partition("~")
    return name == other and int(incarnation) > int(before)


def _cosigned(note: Note, key: Key) -> str | None:
    """As of when a cosigner signed, the newest; raises ``ValueError`` where a cosignature does not fit."""
    return max((signed.at for signed in note.signed_by(key) if signed.at is not None), default=None)


RECEIPT: Final[Mapping[str, TypeCheck]] = {
    "anchor": _is_text,
    "kind": _one_of("directory", "file", "object store", "timestamp", "witness"),
    "note": _is_text,
    "proof": lambda value: isinstance(value, str),
}


def _read_receipt(text: str) -> dict[str, str]:
    if not text.endswith("\n"):
        text += "\n"
    receipt = _read_object(text.encode(), RECEIPT, required=frozenset(RECEIPT))
    _unbased(receipt["proof"])
    return receipt


def _cosignatures(receipt: Mapping[str, str], note: Note) -> Note:
    """The lines of a witness, as a note of their own over the same text."""
    lines = _unbased(receipt["proof"]).decode()
    return Note.parse(f"{note.text}\n{lines}")


# ---- The command ----


def physical_lines(file: IO[bytes]) -> Iterator[str]:
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


def _run(arguments: argparse.Namespace) -> Report | BundleReport:
    path: Path = arguments.file
    if _is_bundle(path) or arguments.trust:
        if arguments.expect or arguments.after or arguments.session or arguments.vector:
            raise ValueError("a bundle is checked by the keys that you trust (--trust), and not by a head")
        return verify_bundle(path, read_trust(arguments.trust))
    where = {"after": arguments.after, "session": arguments.session}
    if arguments.vector:
        lines, stated = read_vector(path)
        return verify_lines(lines, arguments.expect or stated, **where)
    with path.open("rb") as file:
        return verify_lines(physical_lines(file), arguments.expect, **where)


def _is_bundle(path: Path) -> bool:
    if path.is_dir() or path.suffix.lower() == ".zip":
        return True
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def read_trust(values: Iterable[str]) -> list[Key]:
    """The keys that these texts are, or that stand in the files that they name; raises ``ValueError``."""
    keys = []
    for value in values:
        try:
            keys.append(Key.parse(value))
        except ValueError as error:
            if not Path(value).is_file():
                raise ValueError(f"--trust {_plain(value)}: neither a verifier key nor a file with some") from error
            lines = Path(value).read_text(encoding="utf-8").split("\n")
            keys += [Key.parse(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    return keys


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
    for told in _destroyed(report):
        print(told)


def _destroyed(report: Report | BundleReport) -> Iterator[str]:
    for how, count in (("erased", report.erased), ("disposed of", report.disposed)):
        if count:
            yield f"{how} and accounted for: the payloads of {count} entries"


def _print_bundle(report: BundleReport) -> None:
    for finding in report.findings:
        place = ", ".join([*([f"seq {finding.seq}"] if finding.seq else []), *([finding.part] if finding.part else [])])
        where = f"{place}: " if place else ""
        print(f"{where}{finding.kind}: expected {_plain(finding.expected)}, found {_plain(finding.found)}")
    print(f"{_plain(report.log)}: {_meaning(report)}" if report.log else _meaning(report))
    for line in _told(report):
        print(f"  {_plain(line)}")


def _meaning(report: BundleReport) -> str:
    why = (
        "a draft, for which nobody vouches"
        if report.draft
        else "the export is recorded in another incarnation"
        if report.elsewhere
        else "no signed checkpoint is in the bundle"
    )
    return {
        "proven": f"proven: the entries are in the log of {report.size} entries that a trusted key signed",
        "findings": f"findings: {len(report.findings)}",
        "consistent": f"consistent, and no more: {why}",
        "unverifiable": "unverifiable: this bundle can't be read",
        "origin unproven": "origin unproven: the bundle agrees with itself, and no key that you trust signed it",
    }[report.verdict]


def _told(report: BundleReport) -> Iterator[str]:
    """What is worth knowing beside the verdict, a line each."""
    if not report.log:
        return
    asked = ", ".join(f"{key} {_shown(value)}" for key, value in report.selection.items())
    yield f"asked for: {asked}"
    yield f"entries: {report.entries}, of which {report.selected} were selected"
    by = report.exported
    yield f"exported: {by['at']} by {by['by']} ({by['duty']}) for {by['purpose']}" + (
        f", case {by['case']}" if "case" in by else ""
    )
    for part, count in report.withheld.items():
        yield f"withheld on purpose: {part} of {count} entries"
    yield from _destroyed(report)
    for each in report.signed:
        yield f"checkpoint signed by {each.key}, {_trusted(each)}{_as_of(each)}"
    for each in report.witnessed:
        yield f"cosigned by {each.key}, {_trusted(each)}{_as_of(each)}"
    for anchor in report.anchors:
        if anchor["kind"] == "timestamp":
            yield f"timestamp of {anchor['anchor']} for {anchor['size']} entries: there, not verified here"
        else:
            compared = "the same tree" if anchor["compared"] else "of another size, compared with nothing"
            yield f"receipt of {anchor['anchor']} ({anchor['kind']}) for {anchor['size']} entries: {compared}"
    for remark in report.remarks:
        yield f"not shown: {remark}"


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _trusted(signer: Signer) -> str:
    return "which you trust" if signer.trusted else "which nobody vouches for"


def _as_of(signer: Signer) -> str:
    return f"; as of {signer.at} by its own clock" if signer.at else ""


def _plain(text: str) -> str:
    """``text`` without anything that a terminal would obey."""
    return ascii(text)[1:-1]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        description="Verify an evidence bundle or an export of an unbroken log, format version 1.",
        epilog="Exit codes: 0 proven, 1 findings, 2 usage, 3 consistent, 4 unverifiable, 5 origin unproven.",
    )
    parser.add_argument("file", type=Path, help="a bundle (ZIP or folder), or an export: JSON Lines, an entry per line")
    parser.add_argument(
        "--trust",
        metavar="KEY",
        action="append",
        default=[],
        help="a bundle's: a verifier key that you have from elsewhere, or a file with one per line; can be repeated",
    )
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
    elif isinstance(report, BundleReport):
        _print_bundle(report)
    else:
        _print(report)
    return EXIT_CODES[report.verdict]


if __name__ == "__main__":
    sys.exit(main())
