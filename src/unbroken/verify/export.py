"""Entries from an export: JSON Lines, as spec/FORMAT.md ("The export form") defines them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from unbroken.core.commitment import PARTS
from unbroken.core.entry import Head, StoredEntry, hash_of
from unbroken.core.event import Text
from unbroken.core.normalise import MAX_INTEGER, is_holdable
from unbroken.core.times import is_time
from unbroken.verify.against_holds import kept_as_lacking, lacking_of
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Broken, Fault, Intact, examine
from unbroken.verify.finding import Report
from unbroken.verify.run import report_of
from unbroken.verify.settle import look_at_told, settle
from unbroken.verify.strict_json import strict

MAX_EXPORT_BYTES: Final = 64 << 20
"""Bytes of one export line that are read; a longer one is unverifiable here."""
MAX_LINE_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
"""Levels of nesting within which a line may still be one of a later version."""

_KEYS: Final = frozenset({"hash", "line", "payload", "withheld"})

Hex64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Number = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    event: msgspec.Raw
    log: Annotated[str, Meta(pattern=r"\A[^~\x00-\x1f]+~[1-9][0-9]*\Z")]
    prev_hash: Hex64
    recorded_at: str
    seq: Number
    v: Literal[1]
    writer: Text
    principal: Text | None = None
    session_seq: Number | None = None


_read_line = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class Exported:
    """One export line: what examining it came to and, where its line is canonical and fits its hash, the entry.

    ``withheld`` are the parts of the payload that the line says are not handed out on purpose.
    """

    step: Intact | Broken
    entry: StoredEntry | None = None
    withheld: tuple[str, ...] = ()


def verify_export(lines: Iterable[str], *, expect: Head | None = None) -> Report:
    """Verifies the entries of an export in the order in which they stand."""
    chain = Chain(heads=() if expect is None else (expect,), unique_ids=False, lacking=kept_as_lacking())
    chain.follow(read_entry(line.removesuffix("\n")) for line in lines)
    chain.finish()
    accounted = settle(chain, look_at_told(chain), shown=("payload",), lacking=lacking_of(chain))
    return report_of(chain, scope="an export", accounted=accounted, expect=expect)


def read_entry(text: str) -> Intact | Broken:
    """One export line, examined."""
    return read_exported(text).step


def read_exported(text: str) -> Exported:
    """One export line, examined, with all that it holds."""
    if len(text) > MAX_EXPORT_BYTES:
        return _unreadable(f"an export line longer than {MAX_EXPORT_BYTES} bytes")
    try:
        export = strict(text)
        line, stated, payload = _fields(export)
        withheld = _withheld(export)
    except ValueError as error:
        return _unreadable(str(error))
    return _read(line, stated, payload, withheld)


def _unreadable(why: str) -> Exported:
    return Exported(Broken(Fault("unverifiable", "an export line of version 1", why)))


def _fields(export: object) -> tuple[bytes, bytes, dict[str, Any]]:
    """Line, stated hash and payload columns of an export object; raises ``ValueError``."""
    if not isinstance(export, dict) or not {"hash", "line"} <= export.keys() <= _KEYS:
        raise ValueError("an export line without exactly the keys hash, line and perhaps payload and withheld")
    line, stated, payload = export["line"], export["hash"], export.get("payload", {})
    if not isinstance(line, str) or not isinstance(stated, str) or not _is_hex64(stated):
        raise ValueError("an export line whose line is no text or whose hash is not 64 lower-case hex digits")
    if not isinstance(payload, dict) or not payload.keys() <= set(PARTS):
        raise ValueError("a payload that is no object of inputs, outputs and details")
    columns: dict[str, Any] = {}
    for name, part in payload.items():
        columns |= _part(name, part)
    raw = line.encode()
    if len(raw) > MAX_LINE_BYTES:
        raise ValueError(f"a line longer than {MAX_LINE_BYTES} bytes")
    return raw, bytes.fromhex(stated), columns


def _withheld(export: dict[str, Any]) -> tuple[str, ...]:
    """The parts that an export object names as withheld; raises ``ValueError``."""
    if "withheld" not in export:
        return ()
    named = export["withheld"]
    if not isinstance(named, list) or not named or not all(isinstance(part, str) and part in PARTS for part in named):
        raise ValueError("a list of withheld parts that is empty, or names something else")
    if not all(one < other for one, other in pairwise(named)) or not export.get("payload", {}).keys().isdisjoint(named):
        raise ValueError("withheld parts out of order, repeated, or in the payload as well")
    return tuple(named)


def _part(name: str, part: object) -> dict[str, bytes]:
    match part:
        case {"salt": str(salt), "value": str(value), **others} if not others:
            # A salt that is no hex can't match: an empty one is reported as wrong, like any other length.
            return {name: value.encode(), f"{name}_salt": bytes.fromhex(salt) if _is_hex64(salt) else b""}
    raise ValueError("a part of a payload without exactly the texts salt and value")


def _read(line: bytes, stated: bytes, payload: dict[str, Any], withheld: tuple[str, ...]) -> Exported:
    computed = hash_of(line)
    if computed != stated:
        fault = Fault("altered_entry", f"hash {stated.hex()}", f"a line that hashes to {computed.hex()}")
        return Exported(Broken(fault, (stated, computed)))
    entry = _entry(line, stated, payload)
    if entry is not None:
        step = examine(entry)
        if isinstance(step, Broken):
            return Exported(step)
        return Exported(_with_withheld(step, entry, withheld) if withheld else step, entry, withheld)
    if _is_other_version(line):
        fault = Fault("unverifiable", "a line of version 1", "a version that is not known here")
    else:
        fault = Fault("non_canonical", "the canonical text of an entry", "another text")
    return Exported(Broken(fault, (stated,)))


def _with_withheld(step: Intact, entry: StoredEntry, withheld: tuple[str, ...]) -> Intact:
    """What is withheld is not missing, and what lacks only some of its parts was not erased, which takes all of them.

    Where nothing is held, whether anything is left can't be seen: an erasure that names the entry is not contradicted.
    """
    lacking = {fault.part for fault in (*step.faults, *step.absences) if fault.kind == "missing"}
    faults = [fault for fault in (*step.faults, *step.absences) if fault.part not in withheld]
    for part in set(withheld) - lacking:
        wanted, found = "a part that the event commits to", "one that it does not commit to, said to be withheld"
        faults.append(Fault("commitment_wrong", wanted, found, part))
    in_order = tuple(sorted(faults, key=lambda fault: PARTS.index(fault.part or "")))
    return replace(step, faults=in_order, absences=(), unseen=not entry.parts)


def _entry(line: bytes, stated: bytes, payload: dict[str, Any]) -> StoredEntry | None:
    """The entry, if ``line`` is exactly what it prints as."""
    try:
        read = _read_line(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    entry = StoredEntry(
        log=read.log,
        seq=read.seq,
        session_seq=read.session_seq,
        recorded_at=read.recorded_at,
        writer=read.writer,
        principal=read.principal,
        prev_hash=bytes.fromhex(read.prev_hash),
        hash=stated,
        event=bytes(read.event),
        **payload,
    )
    texts = (read.log, read.writer, read.principal or "")
    return entry if entry.line == line and is_time(read.recorded_at) and all(map(is_holdable, texts)) else None


def _is_other_version(line: bytes) -> bool:
    """Whether this is a line of a version not known here, rather than something that never was a line."""
    try:
        value = strict(line.decode())
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and type(value.get("v")) is int and value["v"] != 1 and _depth(value) <= MAX_DEPTH


def _depth(value: object) -> int:
    depth, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        depth += 1
        layer = [inner for item in layer for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _is_hex64(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")
