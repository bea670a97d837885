"""Writes spec/vectors anew: small logs, intact and lied about, each with the verdict that every verifier must reach.

Standard library only. Nothing is taken from verify.py, so that writer and reader can't share a mistake. Nothing is
random, so the same files come out every time.

    python make_vectors.py [DIRECTORY]
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

LOG: Final = "clinic.example/agents~1"
WRITER: Final = "agent_writer"
GENESIS: Final = "0" * 64
MAX_INTEGER: Final = 2**53 - 1

Object = dict[str, Any]
Found = tuple[str, int] | tuple[str, int, str]


@dataclass(frozen=True)
class Exported:
    """One export line before it is written out."""

    hash: str
    line: str
    payload: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __str__(self) -> str:
        held = {"payload": self.payload} if self.payload else {}
        return canonical({"hash": self.hash, "line": self.line, **held})


@dataclass(frozen=True)
class Case:
    """One vector: a file's name without its ending, its lines, and what a verifier must say of them."""

    name: str
    description: str
    lines: list[str]
    verdict: str
    findings: tuple[Found, ...] = ()
    expect: str | None = None
    erased: int = 0
    disposed: int = 0

    def text(self) -> str:
        """The file's text."""
        findings = [dict(zip(("kind", "seq", "part"), found, strict=False)) for found in self.findings]
        content = {
            "description": self.description,
            "expect": self.expect,
            "verdict": self.verdict,
            "findings": findings,
            **({"erased": self.erased} if self.erased else {}),
            **({"disposed": self.disposed} if self.disposed else {}),
            "lines": self.lines,
        }
        return json.dumps(content, indent=2) + "\n"


Entries = list[Exported]


# ---- Writing entries ----


def canonical(value: object) -> str:
    """RFC 8785 text of a value that has ASCII keys and no fractions."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_of(line: str) -> str:
    """``SHA-256(0x00 ‖ line)`` in hex."""
    return hashlib.sha256(b"\x00" + line.encode()).hexdigest()


def salt_for(label: str) -> str:
    """A salt that only looks random: real ones are 32 fresh random bytes."""
    return hashlib.sha256(b"salt of " + label.encode()).hexdigest()


def commit(salt: str, value: str) -> str:
    """``SHA-256(salt ‖ value)`` in hex."""
    return hashlib.sha256(bytes.fromhex(salt) + value.encode()).hexdigest()


def uuid(number: int) -> str:
    """A UUIDv7 that carries ``number``."""
    return f"01970000-0000-7000-8000-{number:012x}"


def event(number: int, event_type: str, **more: object) -> Object:
    """An event with the required keys, and ``more``."""
    required = {
        "actor_id": "p-4f1c",
        "actor_type": "user",
        "event_type": event_type,
        "id": uuid(number),
        "ts": f"2026-03-01T09:00:{number:02d}.000000Z",
    }
    return {**required, **more}


def with_values(fields: Object, **values: object) -> tuple[Object, Object]:
    """The event with a commitment for each part in ``values``, and the payload that holds them."""
    payload: Object = {}
    for part, value in values.items():
        salt, text = salt_for(f"{fields['id']} {part}"), canonical(value)
        payload[part] = {"salt": salt, "value": text}
        fields = {**fields, part: commit(salt, text)}
    return fields, payload


class Writer:
    """Appends events to a log as the database does: it numbers, links and hashes."""

    def __init__(self) -> None:
        self.entries: Entries = []
        self._sessions: dict[str, int] = {}

    def add(self, fields: Object, payload: Object | None = None, **envelope: object) -> "Writer":
        """Append one event; ``envelope`` overrides what the log would state, ``None`` leaving a key out."""
        seq = len(self.entries) + 1
        facts: Object = {
            "event": fields,
            "log": LOG,
            "prev_hash": self.entries[-1].hash if self.entries else GENESIS,
            "recorded_at": f"2026-03-01T09:00:{seq:02d}.250000Z",
            "seq": seq,
            "session_seq": self._next_of(fields.get("session_id")),
            "v": 1,
            "writer": WRITER,
        }
        stated = {key: value for key, value in {**facts, **envelope}.items() if value is not None}
        line = canonical(stated)
        self.entries.append(Exported(hash_of(line), line, payload or {}))
        return self

    def _next_of(self, session: str | None) -> int | None:
        if session is None:
            return None
        self._sessions[session] = self._sessions.get(session, 0) + 1
        return self._sessions[session]


def base() -> Entries:
    """Six entries of a clinic's agent: two sessions, one entry without a session, payloads beside four of them."""
    writer = Writer()
    writer.add(event(1, "conversation_started", session_id="s-1"))
    writer.add(*with_values(event(2, "request", session_id="s-1", turn_id="t-1"), inputs={"text": "Move my visit."}))
    call = event(
        3,
        "tool_call",
        actor_type="agent",
        decision={"by": "p-77aa", "outcome": "approved"},
        domains=["hipaa", "pci"],
        input_tokens=412,
        session_id="s-1",
        side_effect=True,
        tool="move_visit",
        turn_id="t-1",
    )
    writer.add(*with_values(call, inputs={"visit": 17}, details={"offered": ["move_visit"]}))
    writer.add(*with_values(event(4, "request", session_id="s-2"), inputs={"text": "Is my test back?"}))
    writer.add(event(5, "log.verified", actor_id="system", actor_type="system"))
    writer.add(*with_values(event(6, "response", session_id="s-1", turn_id="t-1"), outputs={"text": "Moved."}))
    return writer.entries


def head(entries: Entries, seq: int | None = None) -> str:
    """The head of an intact log, or the head it had at ``seq``."""
    seq = seq or len(entries)
    return f"{seq}:{entries[seq - 1].hash}"


def relink(entries: Entries, *, start: int) -> Entries:
    """The entries with those from index ``start`` rewritten to link to what now stands before them."""
    done = entries[:start]
    for old in entries[start:]:
        _, key, rest = old.line.partition('"prev_hash":"')
        before = old.line[: len(old.line) - len(rest)]
        line = before + done[-1].hash + rest[64:] if key else old.line
        done.append(replace(old, line=line, hash=hash_of(line)))
    return done


def rewritten(entries: Entries, seq: int, edit: Callable[[str], str]) -> Entries:
    """The log with the line of ``seq`` edited and all hashes made to fit: a forger who takes care."""
    old = entries[seq - 1]
    line = edit(old.line)
    if line == old.line:
        raise ValueError(f"the edit of entry {seq} changes nothing")
    return relink([*entries[: seq - 1], replace(old, line=line, hash=hash_of(line)), *entries[seq:]], start=seq)


def swapped(old: str, new: str) -> Callable[[str], str]:
    """An edit that puts ``new`` in the place of the first ``old``."""
    return lambda line: line.replace(old, new, 1)


def texts(entries: Entries) -> list[str]:
    """The export lines of the entries."""
    return [str(entry) for entry in entries]


# ---- Valid logs ----


def example() -> Writer:
    """The log of FORMAT.md's example: one entry with one part."""
    fields = event(1, "request", session_id="s-1")
    return Writer().add(*with_values(fields, inputs={"text": "Please move my visit to Friday."}))


def every_key() -> Writer:
    """One entry that has every key of event, decision and line, after the entry that caused it."""
    hashed = "k2026a:" + "ab" * 32
    fields = event(
        2,
        "tool_result",
        agent_id="scheduler-1",
        agent_name="Scheduler",
        agent_version="4.2.0",
        call_id="call_9",
        capture="enforced",
        classification="restricted",
        cost_source="price list 2026-02",
        cost_usd="0.00175",
        decision={
            "arguments_hash": hashed,
            "at": "2026-02-28T23:59:59.999999Z",
            "by": "p-77aa",
            "outcome": "approved",
            "policy": "visits-3",
            "request": uuid(900),
        },
        domains=["hipaa"],
        input_tokens=MAX_INTEGER,
        latency_ms=0,
        model="m-large",
        original="cd" * 32,
        output_tokens=12,
        parent_id=uuid(1),
        prompt_hash=hashed,
        purpose="treatment",
        recipient="front desk",
        recorder=uuid(901),
        recorder_seq=2,
        redactions=["email:2", "phone:1"],
        resource_id="visit-17",
        resource_type="visit",
        rules="2026.1",
        scope=["account=12", "system=visits"],
        session_id="s-1",
        side_effect=False,
        source_address="192.0.2.7",
        span_id="00f067aa0ba902b7",
        status="ok",
        subjects=["p-4f1c", "p-9d20"],
        tool="move_visit",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        turn_id="t-1",
    )
    writer = Writer().add(event(1, "request", session_id="s-1"))
    filled, payload = with_values(fields, inputs={"visit": 17}, outputs={"moved": True}, details={"tries": 1})
    return writer.add(filled, payload, principal="front-desk@clinic.example")


def unusual_text() -> Writer:
    """Text that is easily written in two ways, in lines and values."""
    names = [
        'Zoë\t"quoted" back\\slash / slash',
        "\x01\x08\x0b\x0c\x1f\x7f",
        "line\nbreak\r\u2028\u2029",
        "\ufeff\uffff 🩺 é e\u0301",
    ]
    writer = Writer()
    for number, name in enumerate(names, start=1):
        writer.add(*with_values(event(number, "request", agent_name=name, session_id=name), inputs={"said": name}))
    return writer.add(event(9, "reviewed", subjects=["A", "a", "é", "\uffff", "🩺"]))


def opaque_values() -> Writer:
    """Values that are no JSON at all: a verifier hashes them and never reads them."""
    writer = Writer()
    for number, value in enumerate(("", "{not json", "1e999", '{"b":1, "a":2}', "\x00", "[" * 3000), start=1):
        fields = event(number, "request")
        salt = salt_for(f"opaque {number}")
        writer.add({**fields, "inputs": commit(salt, value)}, {"inputs": {"salt": salt, "value": value}})
    return writer


def valid_cases() -> list[Case]:
    """Logs in which nothing is wrong, with and without a head that proves the end."""
    entries = base()
    lines = texts(entries)
    bare = Writer().add(event(1, "request")).entries
    full, odd, opaque = every_key().entries, unusual_text().entries, opaque_values().entries
    back = (
        Writer().add(event(1, "request")).add(event(2, "response"), recorded_at="2026-03-01T08:00:00.000000Z").entries
    )
    spaced = [f' {{"payload" : {{}} ,\t"line":{json.dumps(entry.line)},"hash":"{entry.hash}"}}\r' for entry in bare]
    return [
        Case(
            "valid-example", "the example of FORMAT.md", texts(example().entries), "proven", (), head(example().entries)
        ),
        Case("valid-minimal", "one entry with the required keys alone", texts(bare), "consistent"),
        Case("valid-every-key", "every key of event, decision and line", texts(full), "proven", (), head(full)),
        Case("valid-sessions", "two sessions interleaved, and an entry without one", lines, "consistent"),
        Case("valid-proven", "the expected head is exactly the end", lines, "proven", (), head(entries)),
        Case("valid-goes-on", "entries after the expected head", lines, "consistent", (), head(entries, 4)),
        Case("valid-empty", "no entry and no head", [], "consistent"),
        Case("valid-empty-proven", "no entry, and the head of an empty log", [], "proven", (), f"0:{GENESIS}"),
        Case("valid-from-empty", "entries after the head of an empty log", lines, "consistent", (), f"0:{GENESIS}"),
        Case("valid-unusual-text", "control characters, separators, astral text", texts(odd), "proven", (), head(odd)),
        Case("valid-opaque-values", "values that are no JSON, or empty", texts(opaque), "proven", (), head(opaque)),
        Case("valid-clock-steps-back", "recorded_at goes backwards", texts(back), "proven", (), head(back)),
        Case("valid-wrapper-spelling", "the export object is spelled otherwise", spaced, "proven", (), head(bare)),
        Case(
            "valid-unseen-dropped-tail",
            "the tail was dropped, but no head is known: a verifier can't see it",
            lines[:4],
            "consistent",
        ),
        Case(
            "valid-unseen-rewrite",
            "an event was changed and all hashes made to fit, but no head is known: a verifier can't see it",
            texts(rewritten(entries, 3, swapped("move_visit", "drop_visit"))),
            "consistent",
        ),
        Case(
            "valid-unseen-rewrite-after-head",
            "rewritten after the expected head, which therefore proves nothing of it",
            texts(rewritten(entries, 3, swapped("move_visit", "drop_visit"))),
            "consistent",
            (),
            head(entries, 2),
        ),
    ]


# ---- Lies about the text of an entry ----


def altered_cases() -> list[Case]:
    """A stored line or hash is not what it was."""
    entries = base()

    def altered(name: str, description: str, seq: int, edit: Callable[[str], str]) -> Case:
        old = entries[seq - 1]
        bad = [*entries[: seq - 1], replace(old, line=edit(old.line)), *entries[seq:]]
        return Case(f"fail-{name}", description, texts(bad), "findings", (("altered_entry", seq),), head(entries))

    def restated(name: str, seq: int) -> Case:
        old = entries[seq - 1]
        bad = [*entries[: seq - 1], replace(old, hash=hash_of("another line")), *entries[seq:]]
        description = f"the stated hash of entry {seq} is not its line's"
        return Case(f"fail-{name}", description, texts(bad), "findings", (("altered_entry", seq),), head(entries))

    exchanged = [replace(entries[2], hash=entries[1].hash), replace(entries[1], hash=entries[2].hash)]
    copy = replace(entries[2], line=entries[2].line.replace("approved", "refused"))
    bent = replace(entries[3], line=entries[3].line.replace("request", "error"))
    unlinked = rewritten(entries, 4, swapped(entries[2].hash, hash_of("nothing")))
    return [
        altered("changed-field", "one field of an event was changed", 3, swapped("move_visit", "drop_visit")),
        altered("changed-last-entry", "one field of the last event was changed", 6, swapped("response", "request")),
        altered("changed-seq", "the number in a line was changed", 2, swapped('"seq":2', '"seq":9')),
        altered("changed-session", "the session in a line was changed", 3, swapped('"s-1"', '"s-3"')),
        altered(
            "changed-prev-hash", "the prev_hash in a line was changed", 4, swapped('"prev_hash":"', '"prev_hash":"0')
        ),
        altered("changed-to-broken-json", "a byte was changed so that the line is no JSON", 3, swapped(":", ";")),
        altered("changed-to-version-2", "the version in a line was changed", 3, swapped('"v":1', '"v":2')),
        altered("added-space", "a space was put into a line", 3, swapped(",", ", ")),
        altered("emptied-line", "a line was emptied", 3, lambda _: ""),
        restated("changed-hash", 3),
        restated("changed-last-hash", 6),
        Case(
            "fail-exchanged-lines",
            "two lines were exchanged and the stated hashes left where they were",
            texts([entries[0], *exchanged, *entries[3:]]),
            "findings",
            (("altered_entry", 2), ("altered_entry", 3)),
            head(entries),
        ),
        Case(
            "fail-altered-copy",
            "an altered copy of an entry stands after it; the numbers that follow are not disturbed",
            texts([*entries[:3], copy, *entries[3:]]),
            "findings",
            (("altered_entry", 4),),
            head(entries),
        ),
        Case(
            "fail-altered-beside-altered-copy",
            "an altered entry and an altered copy of another: no telling which of them the next one follows",
            texts([*entries[:3], bent, copy, *entries[4:]]),
            "findings",
            (("altered_entry", 4), ("altered_entry", 5)),
            head(entries),
        ),
        Case(
            "fail-altered-then-forked",
            "an altered entry, and the next links neither to the hash stated of it nor to its own",
            texts([*entries[:2], copy, *unlinked[3:]]),
            "findings",
            (("altered_entry", 3), ("forked", 4)),
            head(unlinked),
        ),
        Case(
            "fail-altered-and-relinked",
            "an altered entry to whose new hash all others were linked, but whose stated hash was left",
            texts(
                [
                    *entries[:2],
                    copy,
                    *relink([*entries[:2], replace(copy, hash=hash_of(copy.line)), *entries[3:]], start=3)[3:],
                ]
            ),
            "findings",
            (("altered_entry", 3),),
        ),
        Case(
            "fail-altered-and-dropped",
            "an entry was dropped and the next altered, which then stands in the dropped one's place",
            texts([entries[0], replace(entries[2], line=copy.line), *entries[3:]]),
            "findings",
            (("altered_entry", 2), ("missing", 3)),
            head(entries),
        ),
    ]


def payload_cases() -> list[Case]:
    """A held value is not what the event commits to."""
    entries = base()

    def held(name: str, description: str, payload: Object, found: tuple[Found, ...], verdict: str = "findings") -> Case:
        bad = [*entries[:2], replace(entries[2], payload=payload), *entries[3:]]
        return Case(f"fail-{name}", description, texts(bad), verdict, found, head(entries))

    good = {part: dict(value) for part, value in entries[2].payload.items()}
    inputs, details = good["inputs"], good["details"]
    bent = ("0" if inputs["salt"][0] != "0" else "1") + inputs["salt"][1:]
    planted = {"salt": salt_for("planted"), "value": canonical({"text": "planted"})}

    def with_salt(salt: str) -> Object:
        return {**good, "inputs": {**inputs, "salt": salt}}

    def wrong_salt(name: str, description: str, salt: str) -> Case:
        return held(name, description, with_salt(salt), (("commitment_wrong", 3, "inputs"),))

    unreadable: tuple[Found, ...] = (("unverifiable", 3),)
    return [
        held(
            "changed-value",
            "a held value was changed",
            {**good, "inputs": {**inputs, "value": '{"visit":18}'}},
            (("altered_payload", 3, "inputs"),),
        ),
        held(
            "respelled-value",
            "a held value was spelled otherwise, its meaning unchanged",
            {**good, "inputs": {**inputs, "value": '{"visit": 17}'}},
            (("altered_payload", 3, "inputs"),),
        ),
        held("changed-salt", "a held salt was changed", with_salt(bent), (("altered_payload", 3, "inputs"),)),
        held(
            "exchanged-values",
            "the values of two parts were exchanged",
            {"inputs": details, "details": inputs},
            (("altered_payload", 3, "inputs"), ("altered_payload", 3, "details")),
        ),
        held(
            "value-of-another-entry",
            "the value of another entry is held",
            {**good, "inputs": dict(entries[1].payload["inputs"])},
            (("altered_payload", 3, "inputs"),),
        ),
        held("withheld-part", "a part is committed to and not held", {"inputs": inputs}, (("missing", 3, "details"),)),
        held(
            "withheld-payload",
            "two parts are committed to and not held",
            {},
            (("missing", 3, "inputs"), ("missing", 3, "details")),
        ),
        held(
            "planted-part",
            "a part is held that the event does not commit to",
            {**good, "outputs": planted},
            (("commitment_wrong", 3, "outputs"),),
        ),
        wrong_salt("short-salt", "a salt of 31 bytes", inputs["salt"][2:]),
        wrong_salt("long-salt", "a salt of 33 bytes", inputs["salt"] + "00"),
        wrong_salt("empty-salt", "an empty salt", ""),
        wrong_salt("upper-case-salt", "a salt in upper-case digits", inputs["salt"].upper()),
        wrong_salt("salt-no-hex", "a salt that is no hex", "x" * 64),
        held(
            "unknown-part",
            "a part that version 1 does not have",
            {**good, "original": planted},
            unreadable,
            "unverifiable",
        ),
        held("part-not-object", "a part that is no object", {**good, "inputs": "text"}, unreadable, "unverifiable"),
        held("part-without-salt", "a part without a salt", {"inputs": {"value": "1"}}, unreadable, "unverifiable"),
        held("salt-not-text", "a salt that is no text", {"inputs": {**inputs, "salt": 7}}, unreadable, "unverifiable"),
        held(
            "unknown-key-in-part",
            "a part with a third key",
            {"inputs": {**inputs, "x": "1"}},
            unreadable,
            "unverifiable",
        ),
        Case(
            "fail-short-salt-committed",
            "a salt of 31 bytes from the beginning: the commitment fits, the salt is too short",
            texts(short_salt().entries),
            "findings",
            (("commitment_wrong", 1, "inputs"),),
            head(short_salt().entries),
        ),
    ]


def short_salt() -> Writer:
    """A commitment that was made with a salt of 31 bytes."""
    salt = "5a" * 31
    fields = event(1, "request", inputs=commit(salt, "1"))
    return Writer().add(fields, {"inputs": {"salt": salt, "value": "1"}})


# ---- Lies about order and completeness ----


def order_cases() -> list[Case]:
    """Entries that are intact each, but dropped, repeated or moved."""
    lines = texts(base())
    first, second, third, fourth, fifth, sixth = lines
    end = head(base())

    def moved(name: str, description: str, bad: list[str], *found: Found) -> Case:
        return Case(f"fail-{name}", description, bad, "findings", found, end)

    return [
        moved("swapped-entries", "two neighbours swapped", [first, third, second, *lines[3:]], ("reordered", 2)),
        moved("moved-to-end", "an entry moved to the end", [first, *lines[2:], second], ("reordered", 2)),
        moved(
            "moved-to-start",
            "an entry moved to the start: the ones it overtook are late",
            [fourth, first, second, third, fifth, sixth],
            ("reordered", 1),
            ("reordered", 2),
            ("reordered", 3),
        ),
        moved(
            "reversed",
            "the log backwards",
            lines[::-1],
            *(("reordered", seq) for seq in range(1, 6)),
        ),
        moved("dropped-first", "the first entry dropped", lines[1:], ("missing", 1)),
        moved("dropped-first-two", "the first two entries dropped: one gap", lines[2:], ("missing", 1)),
        moved("dropped-middle", "an entry in the middle dropped", [*lines[:2], *lines[3:]], ("missing", 3)),
        moved("dropped-two-places", "two gaps", [first, third, fourth, sixth], ("missing", 2), ("missing", 5)),
        moved(
            "gap-with-late-entry",
            "three dropped, of which the middle one comes at the end",
            [first, fifth, sixth, third],
            ("missing", 2),
            ("reordered", 3),
            ("missing", 4),
        ),
        moved("dropped-tail", "the last two entries dropped", lines[:4], ("truncated", 5)),
        moved("dropped-everything", "no entry left", [], ("truncated", 1)),
        Case(
            "fail-dropped-head-entry",
            "the entry dropped that the expected head names: told as missing, not as a wrong head",
            [*lines[:2], *lines[3:]],
            "findings",
            (("missing", 3),),
            head(base(), 3),
        ),
        Case(
            "fail-number-jump",
            "an entry with the highest number there is: the gap is one finding, and the next entries are late",
            texts(rewritten(base(), 4, swapped('"seq":4', f'"seq":{MAX_INTEGER}'))),
            "findings",
            (("missing", 4), ("reordered", 5), ("reordered", 6), ("missing", 7)),
        ),
        moved(
            "dropped-session-tail",
            "a session's last entry dropped, which is in the middle of the log",
            [*lines[:3], *lines[4:]],
            ("missing", 4),
        ),
        moved("dropped-middle-and-tail", "a gap and no end", [first, third], ("missing", 2), ("truncated", 4)),
        moved("repeated-entry", "an entry stands twice in succession", [*lines[:3], *lines[2:]], ("duplicate", 3)),
        moved("repeated-later", "an entry stands again at the end", [*lines, second], ("duplicate", 2)),
        moved(
            "repeated-after-gap",
            "an entry stands twice, after one that was dropped",
            [first, third, third, *lines[3:]],
            ("missing", 2),
            ("duplicate", 3),
        ),
        moved(
            "repeated-without-payload",
            "an entry stands again without its payload: the second is not looked into",
            [*lines, str(replace(base()[1], payload={}))],
            ("duplicate", 2),
        ),
        moved(
            "repeated-late",
            "an entry comes late and then again",
            [first, third, second, second, *lines[3:]],
            ("reordered", 2),
            ("duplicate", 2),
        ),
    ]


def chain_cases() -> list[Case]:
    """Entries whose own hashes fit, but which do not continue what stands before them or the expected head."""
    entries = base()
    end = head(entries)

    def forged(name: str, description: str, bad: Entries, *found: Found, expect: str | None = None) -> Case:
        return Case(f"fail-{name}", description, texts(bad), "findings", found, expect)

    def linked_to(seq: int, hash_: str) -> Entries:
        return rewritten(entries, seq, swapped(entries[seq - 2].hash if seq > 1 else GENESIS, hash_))

    other = rewritten(entries, 3, swapped("move_visit", "drop_visit"))
    foreign = rewritten(entries, 4, swapped(LOG, "bank.example/agents~1"))
    continued = rewritten(entries, 4, swapped("agents~1", "agents~2"))
    stolen = rewritten(entries, 1, swapped(LOG, "bank.example/agents~1"))
    return [
        forged(
            "consistent-rewrite",
            "an event was changed and all hashes made to fit; the expected head differs",
            other,
            ("forked", 6),
            expect=end,
        ),
        forged(
            "rewrite-before-head",
            "rewritten before the expected head, and more entries after it",
            other,
            ("forked", 4),
            expect=head(entries, 4),
        ),
        forged(
            "rewritten-last-entry",
            "only the last event was changed, its hash made to fit",
            rewritten(entries, 6, swapped("response", "request")),
            ("forked", 6),
            expect=end,
        ),
        forged(
            "entry-of-a-fork",
            "one entry of a rewritten log",
            [*entries[:3], other[3], *entries[4:]],
            ("forked", 4),
            ("forked", 5),
        ),
        forged("tail-of-a-fork", "the tail of a rewritten log", [*entries[:3], *other[3:]], ("forked", 4)),
        forged(
            "fork",
            "an entry that follows an earlier one, not the one before it",
            linked_to(4, entries[1].hash),
            ("forked", 4),
        ),
        forged(
            "two-successors",
            "the number 3 twice: two different entries follow entry 2",
            [*entries[:3], other[2], *entries[3:]],
            ("duplicate", 3),
        ),
        forged("wrong-prev-hash", "a prev_hash that no entry has", linked_to(4, hash_of("nothing")), ("forked", 4)),
        forged("wrong-genesis", "the first prev_hash is not 64 zeros", linked_to(1, hash_of("nothing")), ("forked", 1)),
        forged(
            "wrong-prev-and-head",
            "a wrong link in the entry that the head names: reported once",
            linked_to(4, hash_of("nothing")),
            ("forked", 4),
            expect=head(entries, 4),
        ),
        forged("wrong-log", "an entry of another log that was made to link", foreign, ("forked", 4)),
        forged("wrong-incarnation", "an entry of the log's next incarnation", continued, ("forked", 4)),
        forged(
            "wrong-log-first",
            "the first entry names another log: it decides, so all others disagree",
            stolen,
            *(("forked", seq) for seq in range(2, 7)),
        ),
        forged(
            "wrong-head-number",
            "the expected head has the end's hash under an earlier number",
            entries,
            ("forked", 5),
            expect=f"5:{entries[5].hash}",
        ),
        forged(
            "wrong-head-beyond",
            "the expected head has the end's hash under a later number",
            entries,
            ("truncated", 7),
            expect=f"7:{entries[5].hash}",
        ),
    ]


def late_cases() -> list[Case]:
    """Entries that come late and are wrong besides: what they say is checked all the same."""
    entries = base()

    def late(name: str, description: str, seq: int, edit: Callable[[str], str], *found: Found) -> Case:
        bad = rewritten(entries, seq, edit)
        moved = [*bad[: seq - 1], bad[seq], bad[seq - 1], *bad[seq + 1 :]]
        return Case(f"fail-late-{name}", description, texts(moved), "findings", (("reordered", seq), *found), head(bad))

    other_log = swapped(LOG, "bank.example/agents~1")
    foreign = late("wrong-log", "a late entry of another log", 4, other_log, ("forked", 4))
    same_id = late(
        "repeated-id", "a late entry with an event id once more", 5, swapped(uuid(5), uuid(2)), ("duplicate", 5)
    )
    value = swapped('"inputs":"', '"outputs":"')
    parts = late(
        "parts",
        "a late entry with a part under another name",
        4,
        value,
        ("commitment_wrong", 4, "inputs"),
        ("missing", 4, "outputs"),
    )
    wrong_head = Case(
        "fail-late-wrong-head",
        "a late entry that is not the one that the expected head names",
        texts([entries[0], entries[2], entries[1], *entries[3:]]),
        "findings",
        (("reordered", 2), ("forked", 2)),
        f"2:{hash_of('another line')}",
    )
    return [foreign, same_id, parts, wrong_head]


def identity_cases() -> list[Case]:
    """Event ids and session numbers that do not go on as they must, in chains that fit."""
    entries = base()

    def built(name: str, description: str, seqs: list[int | None], *found: Found) -> Case:
        writer = Writer()
        for number, session_seq in enumerate(seqs, start=1):
            writer.add(event(number, "request", session_id="s-1"), session_seq=session_seq)
        return Case(f"fail-{name}", description, texts(writer.entries), "findings", found, head(writer.entries))

    same_id = rewritten(entries, 5, swapped(uuid(5), uuid(2)))
    return [
        Case("fail-repeated-id", "an event id twice", texts(same_id), "findings", (("duplicate", 5),), head(same_id)),
        built("session-gap", "a session lacks a number in its middle", [1, 2, 4, 5], ("session_gap", 3)),
        built("session-late-start", "a session does not start with 1", [2, 3], ("session_gap", 1)),
        built("session-repeats", "a session has a number twice", [1, 2, 2, 3], ("session_gap", 3)),
        built("session-goes-back", "a session's numbers go back", [1, 2, 3, 1, 4], ("session_gap", 4)),
        built("session-seq-absent", "session_id without session_seq", [1, None, 2], ("non_canonical", 2)),
        Case(
            "fail-session-id-absent",
            "session_seq without session_id",
            texts(Writer().add(event(1, "request"), session_seq=1).entries),
            "findings",
            (("non_canonical", 1),),
        ),
        Case(
            "fail-session-gap-beside-missing",
            "one entry is missing from the log, but a session jumps by two more than that explains",
            texts(jumping()),
            "findings",
            (("missing", 2), ("session_gap", 3)),
        ),
    ]


def jumping() -> Entries:
    """A session that jumps by three where one entry was dropped."""
    writer = Writer()
    for number, session_seq in enumerate((1, 2, 5, 6), start=1):
        writer.add(event(number, "request", session_id="s-1"), session_seq=session_seq)
    return [writer.entries[0], *writer.entries[2:]]


# ---- Lines that no door would let in ----

DOMAINS: Final = '"domains":["hipaa","pci"]'
TOKENS: Final = '"input_tokens":412'
DECISION: Final = '"decision":{"by":"p-77aa","outcome":"approved"}'
TS: Final = '"ts":"2026-03-01T09:00:03.000000Z"'
RECORDED: Final = '"recorded_at":"2026-03-01T09:00:03.250000Z"'
ID: Final = f'"id":"{uuid(3)}"'
TOOL: Final = '"tool":"move_visit"'

# name, description, what stands in entry 3, what is put in its place
SPELLINGS: Final = (
    ("space-after-comma", "a space after a comma", ",", ", "),
    ("space-before", "a space before the object", '{"event"', ' {"event"'),
    ("newline-inside", "a newline between two tokens", ',"log"', ',\n"log"'),
    ("newline-at-end", "a newline at the end", f'"writer":"{WRITER}"}}', f'"writer":"{WRITER}"}}\n'),
    ("byte-order-mark", "a byte order mark", '{"event"', '\ufeff{"event"'),
    ("escape-of-letter", "a letter written as an escape", '"move_visit"', '"\\u006dove_visit"'),
    ("escape-of-key", "a key written with an escape", '"tool"', '"too\\u006c"'),
    ("escape-in-upper-case", "a control character in upper-case hex", '"move_visit"', '"\\u001F"'),
    ("escape-long-form", "a newline as \\u000a, where \\n is canonical", '"move_visit"', '"\\u000a"'),
    ("escape-of-slash", "an escaped slash", "clinic.example/agents", "clinic.example\\/agents"),
    ("escape-of-delete", "U+007F as an escape, which is canonical raw", '"move_visit"', '"\\u007f"'),
    ("escape-of-astral", "a character beyond U+FFFF as two escapes", '"move_visit"', '"\\ud83e\\ude7a"'),
    ("raw-control-character", "a control character that is not escaped", '"move_visit"', '"move\tvisit"'),
    ("lone-surrogate", "half of a surrogate pair", '"move_visit"', '"\\ud800"'),
    ("lone-surrogate-in-key", "half of a surrogate pair in a key", '"tool":', '"\\udc00":'),
    ("nul", "U+0000 in a text", '"move_visit"', '"move\\u0000visit"'),
    ("nul-in-list", "U+0000 in an item of a list", '"pci"', '"pci\\u0000"'),
    ("order-in-event", "keys of the event out of order", f'"side_effect":true,{TOOL}', f'{TOOL},"side_effect":true'),
    (
        "order-in-decision",
        "keys of the decision out of order",
        DECISION,
        '"decision":{"outcome":"approved","by":"p-77aa"}',
    ),
    ("order-in-line", "keys of the line out of order", f'"v":1,"writer":"{WRITER}"', f'"writer":"{WRITER}","v":1'),
    ("text-after", "text after the object", f'"writer":"{WRITER}"}}', f'"writer":"{WRITER}"}}{{}}'),
    ("cut-line", "the line ends before its object does", f'"writer":"{WRITER}"}}', f'"writer":"{WRITER}"'),
    ("single-quotes", "quotes that are not JSON's", '"move_visit"', "'move_visit'"),
    ("trailing-comma", "a comma before the end", f'"writer":"{WRITER}"}}', f'"writer":"{WRITER}",}}'),
)
KEYS: Final = (
    ("unknown-key-in-event", "a key that no event has", f"{TOOL},", f'{TOOL},"tool_name":"x",'),
    (
        "unknown-key-in-decision",
        "a key that no decision has",
        '"outcome":"approved"',
        '"outcome":"approved","reason":"x"',
    ),
    ("unknown-key-in-line", "a key that no line has", f'"writer":"{WRITER}"', f'"writer":"{WRITER}","x":1'),
    ("repeated-key-in-event", "a key of the event twice", f"{TOOL},", f'{TOOL},"tool":"drop_visit",'),
    ("repeated-key-same-value", "a key of the event twice with one value", f"{TOOL},", f"{TOOL},{TOOL},"),
    ("repeated-key-in-decision", "a key of the decision twice", '"by":"p-77aa"', '"by":"p-77aa","by":"p-0000"'),
    ("repeated-key-in-line", "a key of the line twice", '"v":1', '"v":1,"v":1'),
    ("repeated-key-by-escape", "a key twice, once as an escape", f"{TOOL},", f'{TOOL},"too\\u006c":"x",'),
    ("absent-actor", "an event without actor_id", '"actor_id":"p-4f1c",', ""),
    ("absent-ts", "an event without ts", f",{TS}", ""),
    ("absent-id", "an event without id", f"{ID},", ""),
    ("absent-event-type", "an event without event_type", '"event_type":"tool_call",', ""),
    ("absent-writer", "a line without writer", f',"writer":"{WRITER}"', ""),
    ("absent-recorded-at", "a line without recorded_at", f"{RECORDED},", ""),
    ("absent-version", "a line without v", '"v":1,', ""),
)
VALUES: Final = (
    ("number-float", "a number with a fraction", TOKENS, '"input_tokens":412.5'),
    ("number-float-zero", "an integer written with a fraction", TOKENS, '"input_tokens":412.0'),
    ("number-exponent", "an integer with an exponent", TOKENS, '"input_tokens":4e2'),
    ("number-overflow", "an exponent beyond all doubles", TOKENS, '"input_tokens":1e999'),
    ("number-negative", "a negative number", TOKENS, '"input_tokens":-1'),
    ("number-negative-zero", "negative zero", TOKENS, '"input_tokens":-0'),
    ("number-leading-zero", "a leading zero", TOKENS, '"input_tokens":0412'),
    ("number-plus", "a plus sign", TOKENS, '"input_tokens":+412'),
    ("number-too-big", "2^53", TOKENS, f'"input_tokens":{MAX_INTEGER + 1}'),
    ("number-huge", "a number of 5,000 digits", TOKENS, '"input_tokens":' + "9" * 5000),
    ("number-nan", "NaN", TOKENS, '"input_tokens":NaN'),
    ("number-infinity", "Infinity", TOKENS, '"input_tokens":Infinity'),
    ("number-as-text", "a number in quotes", TOKENS, '"input_tokens":"412"'),
    ("number-as-boolean", "true in place of a number", TOKENS, '"input_tokens":true'),
    ("boolean-as-number", "1 in place of true", '"side_effect":true', '"side_effect":1'),
    ("boolean-as-text", "a boolean in quotes", '"side_effect":true', '"side_effect":"true"'),
    ("text-as-number", "a number in place of a text", TOOL, '"tool":7'),
    ("text-empty", "an empty text", TOOL, '"tool":""'),
    ("text-null", "null in place of an absent key", TOOL, '"tool":null'),
    ("text-as-object", "an object in place of a text", TOOL, '"tool":{}'),
    ("ts-no-fraction", "a time without microseconds", TS, '"ts":"2026-03-01T09:00:03Z"'),
    ("ts-milliseconds", "a time with three digits", TS, '"ts":"2026-03-01T09:00:03.000Z"'),
    ("ts-26-characters", "a time with five digits", TS, '"ts":"2026-03-01T09:00:03.00000Z"'),
    ("ts-28-characters", "a time with seven digits", TS, '"ts":"2026-03-01T09:00:03.0000000Z"'),
    ("ts-impossible-day", "30 February", TS, '"ts":"2026-02-30T09:00:03.000000Z"'),
    ("ts-no-leap-year", "29 February of a year that has none", TS, '"ts":"2100-02-29T09:00:03.000000Z"'),
    ("ts-leap-second", "second 60", TS, '"ts":"2026-06-30T23:59:60.000000Z"'),
    ("ts-hour-24", "hour 24", TS, '"ts":"2026-03-01T24:00:00.000000Z"'),
    ("ts-year-0", "year 0", TS, '"ts":"0000-03-01T09:00:03.000000Z"'),
    ("ts-offset", "an offset in place of Z", TS, '"ts":"2026-03-01T09:00:03.000000+00:00"'),
    ("ts-small-z", "a small z", TS, '"ts":"2026-03-01T09:00:03.000000z"'),
    ("ts-space", "a space in place of T", TS, '"ts":"2026-03-01 09:00:03.000000Z"'),
    ("ts-other-digits", "digits that are not ASCII", TS, '"ts":"٢٠٢٦-03-01T09:00:03.000000Z"'),
    ("ts-newline", "a newline after Z", TS, '"ts":"2026-03-01T09:00:03.000000Z\\n"'),
    ("recorded-at-format", "recorded_at in another form", RECORDED, '"recorded_at":"2026-03-01T09:00:03Z"'),
    ("recorded-at-impossible", "recorded_at at minute 60", RECORDED, '"recorded_at":"2026-03-01T09:60:03.250000Z"'),
    ("decision-at-format", "decision.at in another form", '"by":"p-77aa"', '"at":"today","by":"p-77aa"'),
    (
        "uuid-upper-case",
        "a UUID in upper case",
        '"session_id"',
        f'"parent_id":"{uuid(0xAB).upper()}","session_id"',
    ),
    ("uuid-as-text", "a text in place of a UUID", '"session_id"', '"recorder":"me","session_id"'),
    ("cost-leading-zero", "a cost with a leading zero", '"decision"', '"cost_usd":"01","decision"'),
    ("cost-no-decimals", "a cost that ends with its point", '"decision"', '"cost_usd":"1.","decision"'),
    ("cost-exponent", "a cost with an exponent", '"decision"', '"cost_usd":"1e2","decision"'),
    ("cost-negative", "a negative cost", '"decision"', '"cost_usd":"-1","decision"'),
    ("cost-number", "a cost that is a number", '"decision"', '"cost_usd":1,"decision"'),
    ("capture-unknown", "a capture that does not exist", '"decision"', '"capture":"guessed","decision"'),
    ("classification-unknown", "a classification that does not exist", '"decision"', '"classification":"x","decision"'),
    ("commitment-upper-case", "a commitment in upper case", '"session_id"', f'"outputs":"{"AB" * 32}","session_id"'),
    ("commitment-short", "a commitment of 31 bytes", '"session_id"', f'"original":"{"ab" * 31}","session_id"'),
    ("span-id-long", "a span_id of 17 digits", TOOL, f'"span_id":"{"a" * 17}",{TOOL}'),
    ("trace-id-upper-case", "a trace_id in upper case", TS, f'"trace_id":"{"A" * 32}",{TS}'),
    ("id-upper-case", "an event id in upper case", ID, f'"id":"{uuid(0xABC).upper()}"'),
    ("id-without-hyphens", "an event id without hyphens", ID, f'"id":"{uuid(3).replace("-", "")}"'),
    ("id-in-braces", "an event id in braces", ID, f'"id":"{{{uuid(3)}}}"'),
    ("id-newline", "a newline after an event id", ID, f'"id":"{uuid(3)}\\n"'),
    ("list-unsorted", "a list out of order", DOMAINS, '"domains":["pci","hipaa"]'),
    ("list-repeats", "a list with an item twice", DOMAINS, '"domains":["pci","pci"]'),
    ("list-empty", "an empty list", DOMAINS, '"domains":[]'),
    ("list-nested", "a list in a list", DOMAINS, '"domains":[["hipaa"],"pci"]'),
    ("list-null", "null in a list", DOMAINS, '"domains":[null,"pci"]'),
    ("list-number", "a number in a list", DOMAINS, '"domains":[1,2]'),
    ("list-empty-text", "an empty text in a list", DOMAINS, '"domains":["","pci"]'),
    ("list-as-text", "a text in place of a list", DOMAINS, '"domains":"hipaa"'),
    ("list-utf16-order", "a list in UTF-16 order, which is not code point order", DOMAINS, '"domains":["🩺","\uffff"]'),
    ("enum-unknown", "an actor_type that does not exist", '"actor_type":"agent"', '"actor_type":"robot"'),
    ("enum-upper-case", "an actor_type in upper case", '"actor_type":"agent"', '"actor_type":"Agent"'),
    ("event-type-form", "an event_type in another form", '"event_type":"tool_call"', '"event_type":"Tool.Call"'),
    ("event-type-dots", "an event_type with two dots", '"event_type":"tool_call"', '"event_type":"a.b.c"'),
    ("decision-empty", "a decision without a key", DECISION, '"decision":{}'),
    ("decision-as-text", "a text in place of a decision", DECISION, '"decision":"approved"'),
    ("decision-as-list", "a list in place of a decision", DECISION, '"decision":["approved"]'),
    ("decision-nested", "an object in a decision", '"by":"p-77aa"', '"by":{"by":"p-77aa"}'),
    (
        "keyed-hash-bare",
        "a keyed hash without its key",
        '"by":"p-77aa"',
        f'"arguments_hash":"{"ab" * 32}","by":"p-77aa"',
    ),
    (
        "keyed-hash-key",
        "a keyed hash whose key id is too long",
        '"by":"p-77aa"',
        f'"arguments_hash":"k{"1" * 17}:{"ab" * 32}","by":"p-77aa"',
    ),
    (
        "keyed-hash-short",
        "a keyed hash of 31 bytes",
        '"by":"p-77aa"',
        f'"arguments_hash":"k1:{"ab" * 31}","by":"p-77aa"',
    ),
    ("seq-0", "the number 0", '"seq":3,', '"seq":0,'),
    ("seq-too-big", "the number 2^53", '"seq":3,', f'"seq":{MAX_INTEGER + 1},'),
    ("seq-as-text", "the number in quotes", '"seq":3,', '"seq":"3",'),
    ("seq-float", "the number with a fraction", '"seq":3,', '"seq":3.0,'),
    ("session-seq-0", "the session number 0", '"session_seq":3', '"session_seq":0'),
    ("version-as-text", "the version in quotes", '"v":1', '"v":"1"'),
    ("version-float", "the version with a fraction", '"v":1', '"v":1.0'),
    ("version-boolean", "true in place of the version", '"v":1', '"v":true'),
    ("log-without-incarnation", "a log without its incarnation", LOG, "clinic.example/agents"),
    ("log-incarnation-0", "incarnation 0", LOG, "clinic.example/agents~0"),
    ("log-two-tildes", "a log with two tildes", LOG, "clinic.example/~agents~1"),
    ("log-control-character", "a control character in the log", LOG, "clinic.example\\n/agents~1"),
    ("writer-empty", "an empty writer", f'"writer":"{WRITER}"', '"writer":""'),
    ("principal-empty", "an empty principal", f",{RECORDED}", f',"principal":"",{RECORDED}'),
    ("deep-nesting", "3,000 lists in each other", TOOL, '"tool":' + "[" * 3000 + "]" * 3000),
    ("deep-objects", "3,000 objects in each other", TOOL, '"tool":' + '{"a":' * 3000 + "1" + "}" * 3000),
    ("version-2-nested-33", "version 2, nested deeper than any may be", '"v":1', '"v":2,"w":' + "[" * 32 + "]" * 32),
    ("version-2-float", "version 2 with a number that no version has", '"v":1', '"v":2,"w":1.5'),
    ("version-2-lone-surrogate", "version 2 with half of a surrogate pair", '"v":1', '"v":2,"w":"\\udfff"'),
    ("version-2-repeated-key", "version 2 with a key twice", '"v":1', '"v":2,"v":2'),
    ("version-1-and-2", "the version twice, once known and once not", '"v":1', '"v":2,"v":1'),
)


def text_cases() -> list[Case]:
    """Entries whose hashes fit but whose text no door would let in."""
    entries = base()
    cases = []
    hashes = (
        ("prev-hash-upper-case", "a prev_hash in upper case", entries[1].hash, entries[1].hash.upper()),
        ("prev-hash-short", "a prev_hash of 63 digits", entries[1].hash, entries[1].hash[1:]),
    )
    for name, description, old, new in (*SPELLINGS, *KEYS, *VALUES, *hashes):
        bad = rewritten(entries, 3, swapped(old, new))
        found = (("non_canonical", 3),)
        cases.append(Case(f"fail-{name}", description, texts(bad), "findings", found, head(bad)))
    return [*cases, *whole_line_cases()]


def whole_line_cases() -> list[Case]:
    """Lines that are something else altogether, their hashes fitting."""
    entries = base()

    def replaced(name: str, description: str, line: str) -> Case:
        bad = rewritten(entries, 3, lambda _: line)
        return Case(f"fail-{name}", description, texts(bad), "findings", (("non_canonical", 3),), head(bad))

    def version(name: str, description: str, edit: Callable[[str], str]) -> Case:
        bad = rewritten(entries, 3, edit)
        return Case(f"fail-{name}", description, texts(bad), "unverifiable", (("unverifiable", 3),), head(bad))

    def nested(levels: int) -> Callable[[str], str]:
        return swapped('"v":1', f'"v":2,"w":{"[" * (levels - 1)}{"]" * (levels - 1)}')

    two = rewritten(rewritten(entries, 5, swapped('"v":1', '"v":2')), 3, swapped("move_visit", ""))
    return [
        replaced("line-empty", "an empty line with its hash", ""),
        replaced("line-null", "null with its hash", "null"),
        replaced("line-list", "a list with its hash", "[]"),
        replaced("line-text", "a text with its hash", '"entry"'),
        replaced("line-empty-object", "an empty object with its hash", "{}"),
        replaced("line-event-alone", "an event without its line", canonical(event(3, "request"))),
        version("version-2", "a version that does not exist yet", swapped('"v":1', '"v":2')),
        version("version-0", "version 0", swapped('"v":1', '"v":0')),
        version("version-2-nested-32", "version 2, nested as deep as a version may be", nested(32)),
        version("version-2-other-keys", "a later version may have other keys", swapped('"v":1', '"u":[null],"v":2')),
        Case(
            "fail-version-2-and-more",
            "an unknown version and a line that is not canonical: the verdict is findings",
            texts(two),
            "findings",
            (("non_canonical", 3), ("unverifiable", 5)),
            head(two),
        ),
    ]


# ---- Export lines that can't be read ----


def wrapper_cases() -> list[Case]:
    """The export object around a line is broken."""
    entries = base()
    lines = texts(entries)
    third = entries[2]
    plain = canonical({"hash": third.hash, "line": third.line})

    def broken(name: str, description: str, text: str) -> Case:
        bad = [*lines[:2], text, *lines[3:]]
        return Case(f"fail-{name}", description, bad, "unverifiable", (("unverifiable", 3),), head(entries))

    def last(name: str, description: str, text: str) -> Case:
        bad = [*lines[:5], text]
        return Case(f"fail-{name}", description, bad, "unverifiable", (("unverifiable", 6),), head(entries))

    inserted = [*lines[:3], "", *lines[3:]]
    return [
        broken("export-empty", "an empty export line in place of an entry", ""),
        broken("export-no-json", "an export line that is no JSON", "entry 3 was here"),
        broken("export-list", "an export line that is a list", "[]"),
        broken("export-null", "an export line that is null", "null"),
        broken("export-two-objects", "two objects on one export line", lines[2] + lines[3]),
        broken("export-split", "an export line that starts in the middle", lines[2][40:]),
        broken("export-without-hash", "no hash", canonical({"line": third.line})),
        broken("export-without-line", "no line", canonical({"hash": third.hash})),
        broken("export-unknown-key", "an unknown key", plain[:-1] + ',"x":1}'),
        broken("export-repeated-key", "the line twice", plain[:-1] + f',"line":{canonical(entries[1].line)}}}'),
        broken("export-hash-upper-case", "a hash in upper case", plain.replace(third.hash, third.hash.upper())),
        broken("export-hash-short", "a hash of 63 digits", plain.replace(third.hash, third.hash[1:])),
        broken("export-hash-null", "a hash that is null", plain.replace(f'"{third.hash}"', "null")),
        broken(
            "export-line-object",
            "the line as an object, not as a text",
            f'{{"hash":"{third.hash}","line":{third.line}}}',
        ),
        broken("export-payload-null", "a payload that is null", plain[:-1] + ',"payload":null}'),
        broken("export-payload-list", "a payload that is a list", plain[:-1] + ',"payload":[]}'),
        broken("export-lone-surrogate", "text that UTF-8 can't hold", plain.replace("move_visit", "\\ud800", 1)),
        broken("export-byte-order-mark", "a byte order mark", "\ufeff" + lines[2]),
        broken("export-deep-nesting", "100,000 lists in each other", "[" * 100_000),
        last("export-cut-off", "the last export line is cut off", lines[5][: len(lines[5]) // 2]),
        last("export-cut-off-brace", "the last export line lacks its last character", lines[5][:-1]),
        Case(
            "fail-export-inserted",
            "an empty export line between two entries; the numbers that follow are not disturbed",
            inserted,
            "unverifiable",
            (("unverifiable", 4),),
            head(entries),
        ),
        Case(
            "fail-export-two-in-one-place",
            "two broken export lines where one entry is absent",
            [*lines[:2], "{", "}", *lines[3:]],
            "unverifiable",
            (("unverifiable", 3), ("unverifiable", 4)),
            head(entries),
        ),
        Case(
            "fail-export-one-for-two",
            "one broken export line where two entries are absent",
            [*lines[:2], "{}", *lines[4:]],
            "findings",
            (("unverifiable", 3), ("missing", 4)),
            head(entries),
        ),
        Case(
            "fail-export-cut-off-early",
            "an export line is cut off and the expected head lies further on",
            [*lines[:2], lines[2][:50]],
            "findings",
            (("unverifiable", 3), ("truncated", 4)),
            head(entries),
        ),
    ]


# ---- What was erased ----

ERASURE: Final = uuid(700)
ORDER: Final = "0d" * 32
GONE: Final = "2-3,6"


def recorded(number: int, event_type: str, **more: object) -> Object:
    """An event of a recorder, as all are but the log's own."""
    return event(number, event_type, recorder=uuid(901), recorder_seq=number, **more)


def own(number: int, event_type: str, details: object) -> tuple[Object, Object]:
    """An event of the log's own, and its details."""
    return with_values(event(number, event_type, actor_id="dpo", actor_type="system"), details=details)


def before_erasing() -> Writer:
    """Six entries: five of a recorder, of which the first has no payload, and one of the log's own."""
    writer = Writer()
    writer.add(recorded(1, "conversation_started", session_id="s-1"))
    writer.add(*with_values(recorded(2, "request", session_id="s-1"), inputs={"text": "Move my visit."}))
    call = recorded(3, "tool_call", original="cd" * 32, session_id="s-1", subjects=["p-4f1c"], tool="move_visit")
    writer.add(*with_values(call, inputs={"visit": 17}, details={"offered": ["move_visit"]}))
    writer.add(*with_values(recorded(4, "request", session_id="s-2"), inputs={"text": "Is my test back?"}))
    writer.add(*own(5, "log.read", {"purpose": "complaint 31"}))
    return writer.add(*with_values(recorded(6, "response", session_id="s-1"), outputs={"text": "Moved."}))


def told(writer: Writer, **details: object) -> Writer:
    """The log with one entry more, which tells of an erasure."""
    said = {"erasure": ERASURE, **details}
    return writer.add(*own(len(writer.entries) + 1, "log.erased", said))


def erasing(numbers: object = GONE) -> Writer:
    """The log after an erasure: what began it, what destroyed payloads, what ended it."""
    writer = told(before_erasing(), keys=["v-" + "7a" * 16], order=ORDER, pseudonyms=["p-" + "4f" * 16])
    told(writer, payloads=numbers, originals="3")
    return told(writer, certificate="ce" * 32, complete=True, keys=1, originals=1, payloads=3)


def emptied(entries: Entries, *seqs: int) -> Entries:
    """The log without the payloads of these entries."""
    return [replace(entry, payload={}) if seq in seqs else entry for seq, entry in enumerate(entries, start=1)]


LACKING: Final[tuple[Found, ...]] = (
    ("missing", 2, "inputs"),
    ("missing", 3, "inputs"),
    ("missing", 3, "details"),
    ("missing", 6, "outputs"),
)
# name, description, the numbers as the entry that destroyed payloads has them
SPELT: Final = (
    ("singly", "each number by itself", "2,3,6"),
    ("beyond", "numbers of entries that come later as well, of which nothing can have been erased", "2-3,6,8-9,40-70"),
)
MISSPELT: Final = (
    ("backwards", "a run that goes backwards", "3-2,6"),
    ("out-of-order", "numbers out of order", "6,2-3"),
    ("twice", "a number twice", "2-3,3,6"),
    ("leading-zero", "a leading zero", "02-3,6"),
    ("open-run", "a run without an end", "2-,6"),
    ("space", "a space", "2-3, 6"),
    ("comma-at-end", "a comma at the end", "2-3,6,"),
    ("zero", "the number 0", "0-6"),
    ("too-big", "a number that no entry can have", f"2-3,6-{MAX_INTEGER + 1}"),
    ("seventeen-digits", "a number of 17 digits", "2-3,6-10000000000000000"),
    ("other-digits", "digits that are not ASCII", "٢-٣,٦"),
    ("number", "a number in place of the text", 6),
    ("list", "a list in place of the text", ["2-3", "6"]),
    ("nested-list", "a list in a list", [["2-3,6"]]),
    ("float", "a number with a fraction", 2.5),
)


def erased_cases() -> list[Case]:
    """Payloads that are absent because an entry of the log's own says so, or although none does."""
    entries = erasing().entries
    gone = emptied(entries, 2, 3, 6)
    end = head(entries)

    def valid(name: str, description: str, log: Entries) -> Case:
        return Case(f"valid-erased-{name}", description, texts(emptied(log, 2, 3, 6)), "proven", (), head(log), 3)

    def lied(name: str, description: str, log: Entries, *found: Found, erased: int) -> Case:
        return Case(f"fail-erased-{name}", description, texts(log), "findings", found, end, erased)

    batches = told(told(told(before_erasing(), payloads="2"), payloads="3"), payloads="6").entries
    again = told(erasing(), payloads="2-3,6", originals="3").entries
    return [
        Case("valid-erased", "an erasure that is through, its payloads absent", texts(gone), "proven", (), end, 3),
        valid("in-batches", "three entries declare a payload each", batches),
        valid("again", "the same numbers declared once more, as after a restore", again),
        *(valid(name, description, erasing(numbers).entries) for name, description, numbers in SPELT),
        lied(
            "undeclared",
            "a payload more is absent than is declared",
            emptied(gone, 4),
            ("missing", 4, "inputs"),
            erased=3,
        ),
        lied(
            "still-there",
            "a payload that is declared gone is there",
            emptied(entries, 2, 6),
            ("not_erased", 3),
            erased=2,
        ),
        lied(
            "half",
            "of a payload that is declared gone one part is there",
            [*gone[:2], replace(entries[2], payload={"inputs": entries[2].payload["inputs"]}), *gone[3:]],
            ("missing", 3, "details"),
            ("not_erased", 3),
            erased=2,
        ),
        *forged_erasures(entries, gone),
        *(misspelt(name, description, numbers) for name, description, numbers in MISSPELT),
    ]


def misspelt(name: str, description: str, numbers: object) -> Case:
    """An entry that declares nothing, as its numbers have not their form."""
    log = erasing(numbers).entries
    lines = texts(emptied(log, 2, 3, 6))
    return Case(f"fail-erased-{name}", f"in place of numbers: {description}", lines, "findings", LACKING, head(log))


def forged_erasures(entries: Entries, gone: Entries) -> list[Case]:
    """Entries that are no word of the log's own, or none about what is absent."""

    def lied(name: str, description: str, log: Entries, *found: Found, erased: int = 0) -> Case:
        return Case(f"fail-erased-{name}", description, texts(log), "findings", found, None, erased)

    details = entries[7].payload["details"]
    wider = {"details": {**details, "value": details["value"].replace(GONE, "2-4,6")}}
    recorder = before_erasing()
    said = {"erasure": ERASURE, "payloads": GONE}
    recorder.add(*with_values(recorded(7, "log.erased"), details=said))
    early = told(Writer(), payloads="2-3").add(*with_values(recorded(2, "request"), inputs={"text": "Hello."}))
    everything = told(before_erasing(), payloads="1-6").entries
    deep = told(before_erasing(), payloads=GONE, more=[[]]).entries
    spaced = before_erasing()
    fields, payload = own(7, "log.erased", said)
    repeated = payload["details"]["value"].replace("{", f'{{"erasure":"{ERASURE}",', 1)
    spaced.add(
        {**fields, "details": commit(payload["details"]["salt"], repeated)},
        {"details": {**payload["details"], "value": repeated}},
    )
    of_another = told(before_erasing(), log="clinic.example/agents~7", payloads=GONE).entries
    of_none = told(before_erasing(), log=7, payloads=GONE).entries
    unnamed = before_erasing().add(*own(7, "log.erased", {"payloads": GONE}))
    other_type = before_erasing().add(*own(7, "log.read", said))
    return [
        lied(
            "of-another-log",
            "the entry tells of an earlier incarnation of the log, and not of this one",
            emptied(of_another, 2, 3, 6),
            *LACKING,
        ),
        lied(
            "log-number",
            "the entry tells of a log that is a number, and so declares nothing",
            emptied(of_none, 2, 3, 6),
            *LACKING,
        ),
        lied(
            "forged-range",
            "the numbers were widened to cover one payload more",
            [*emptied(gone, 4)[:7], replace(entries[7], payload=wider), entries[8]],
            ("altered_payload", 8, "details"),
            *LACKING,
            ("missing", 4, "inputs"),
        ),
        lied(
            "declaration-withheld",
            "the details of the entry that declares are absent",
            emptied(gone, 8),
            ("missing", 8, "details"),
            *LACKING,
        ),
        lied(
            "declaration-dropped",
            "the entry that declares was dropped",
            [*gone[:7], gone[8]],
            ("missing", 8),
            *LACKING,
        ),
        lied(
            "declaration-altered",
            "the line of the entry that declares was altered",
            [*gone[:7], replace(gone[7], line=gone[7].line.replace("dpo", "cto")), gone[8]],
            ("altered_entry", 8),
            *LACKING,
        ),
        lied(
            "declaration-late",
            "the entry that declares stands behind the next one: its word counts",
            [*gone[:7], gone[8], gone[7]],
            ("reordered", 8),
            erased=3,
        ),
        lied("by-a-recorder", "a recorder says so", emptied(recorder.entries, 2, 3, 6), *LACKING),
        lied("by-another-type", "an entry of another type says so", emptied(other_type.entries, 2, 3, 6), *LACKING),
        lied("unnamed", "without the id of an erasure", emptied(unnamed.entries, 2, 3, 6), *LACKING),
        lied("repeated-key", "a key twice", emptied(spaced.entries, 2, 3, 6), *LACKING),
        lied("nested", "a list in a list beside the numbers", emptied(deep, 2, 3, 6), *LACKING),
        lied(
            "beforehand",
            "declared before the entry was there",
            emptied(early.entries, 2),
            ("missing", 2, "inputs"),
        ),
        lied(
            "of-the-log",
            "an entry of the log's own is declared and absent, and so is one that never had a payload",
            emptied(everything, 2, 3, 4, 5, 6),
            ("missing", 5, "details"),
            ("not_erased", 5),
            ("not_erased", 1),
            erased=4,
        ),
        lied(
            "and-altered",
            "an entry whose payload is declared gone was altered",
            [*gone[:2], replace(gone[2], line=gone[2].line.replace("move_visit", "drop_visit")), *gone[3:]],
            ("altered_entry", 3),
            erased=2,
        ),
    ]


# ---- What was disposed of ----

DISPOSAL: Final = uuid(800)
HOLD: Final = uuid(810)
REQUEST: Final = uuid(811)
DISPOSED: Final = (2, 3, 6)


def before_disposing() -> Writer:
    """Six entries: five of a recorder, of which the first has no payload, and one of the log's own."""
    writer = Writer()
    writer.add(recorded(1, "conversation_started", session_id="s-1"))
    writer.add(*with_values(recorded(2, "request", session_id="s-1"), inputs={"text": "Move my visit."}))
    call = recorded(
        3,
        "tool_call",
        agent_id="a-9",
        domains=["hipaa", "pci"],
        original="cd" * 32,
        resource_id="17",
        resource_type="visit",
        scope=["account=31", "client=7"],
        session_id="s-1",
        subjects=["p-4f1c", "p-77aa"],
        tool="move_visit",
    )
    writer.add(*with_values(call, inputs={"visit": 17}, details={"offered": ["move_visit"]}))
    other = recorded(4, "request", actor_id="p-31d0", session_id="s-2")
    writer.add(*with_values(other, inputs={"text": "Is my test back?"}))
    writer.add(*own(5, "log.read", {"purpose": "complaint 31"}))
    return writer.add(*with_values(recorded(6, "response", session_id="s-1"), outputs={"text": "Moved."}))


def says(writer: Writer, event_type: str, **details: object) -> Writer:
    """The log with one entry of its own more."""
    return writer.add(*own(len(writer.entries) + 1, event_type, details))


def disposed(writer: Writer, **details: object) -> Writer:
    """The log with one entry more, which tells of a disposal."""
    return says(writer, "log.disposed", disposal=DISPOSAL, **details)


def disposing(writer: Writer | None = None, numbers: object = GONE, kept: object = "4") -> Writer:
    """The log after a disposal: its announcement, one batch, its end."""
    writer = says(writer or before_disposing(), "log.disposing", disposal=DISPOSAL, sha256="5a" * 32)
    disposed(writer, payloads=numbers, originals="3", kept=kept, keys=["v-" + "7a" * 16])
    end = {"certificate": "ce" * 32, "complete": True, "keys": 1, "kept": 1, "originals": 1, "payloads": 3}
    return disposed(writer, **end)


def disposed_cases() -> list[Case]:
    """Payloads that are absent because a disposal says so, or although none does."""
    entries = disposing().entries
    gone = emptied(entries, *DISPOSED)
    batches = disposed(
        disposed(disposed(before_disposing(), payloads="2"), payloads="3", kept=""), payloads="6"
    ).entries
    by_both = says(disposed(before_disposing(), payloads="3,6"), "log.erased", erasure=ERASURE, payloads="2-3").entries
    later = says(disposing(), "log.erased", erasure=ERASURE, payloads="4").entries

    def valid(name: str, description: str, log: Entries, erased: int = 0, disposed: int = 3) -> Case:
        name = f"valid-disposed{name}"
        return Case(name, description, texts(log), "proven", (), head(log), erased, disposed)

    return [
        valid("", "a disposal that is through, its payloads absent", gone),
        valid("-in-batches", "three entries declare a payload each", emptied(batches, *DISPOSED)),
        valid(
            "-and-erased",
            "an erasure took one of two that a disposal took: it counts there",
            emptied(by_both, *DISPOSED),
            2,
            1,
        ),
        valid("-kept-and-erased", "what a disposal kept was erased after it", emptied(later, 2, 3, 4, 6), 1, 3),
        *forged_disposals(entries, gone),
        *(
            Case(
                f"fail-disposed-{name}",
                f"in place of numbers: {description}",
                texts(emptied(disposing(numbers=numbers).entries, *DISPOSED)),
                "findings",
                LACKING,
            )
            for name, description, numbers in MISSPELT
        ),
        *(
            Case(
                f"fail-disposed-kept-{name}",
                f"in place of the numbers of what was kept: {description}",
                texts(emptied(disposing(kept=numbers).entries, *DISPOSED)),
                "findings",
                LACKING,
            )
            for name, description, numbers in (
                ("backwards", "a run that goes backwards", "4-1"),
                ("leading-zero", "a leading zero", "04"),
                ("and-gone", "a number whose payload is gone by the same entry", "3-4"),
                ("and-gone-beyond", "a run that holds all numbers that there are", f"1-{MAX_INTEGER}"),
                ("nested-list", "a list in a list", [["4"]]),
            )
        ),
    ]


def forged_disposals(entries: Entries, gone: Entries) -> list[Case]:
    """Entries that are no word of the log's own, or none about what is absent."""

    def lied(name: str, description: str, log: Entries, *found: Found, disposed: int = 0) -> Case:
        return Case(f"fail-disposed-{name}", description, texts(log), "findings", found, None, 0, disposed)

    def alone(event_type: str, **details: object) -> Entries:
        return emptied(says(before_disposing(), event_type, **details).entries, *DISPOSED)

    batch = entries[7].payload["details"]
    wider = {"details": {**batch, "value": batch["value"].replace(GONE, "2-4,6")}}
    recorder = before_disposing()
    said = {"disposal": DISPOSAL, "payloads": GONE}
    recorder.add(*with_values(recorded(7, "log.disposed"), details=said))
    early = disposed(Writer(), payloads="2-3").add(*with_values(recorded(2, "request"), inputs={"text": "Hello."}))
    everything = disposed(before_disposing(), payloads="1-6").entries
    both = emptied(disposed(before_disposing(), kept="3", originals="3", payloads="2,6").entries, 2, 6)
    two = (("missing", 2, "inputs"), ("missing", 6, "outputs"))
    return [
        lied("original-kept", "an original that is gone and kept by the same entry", both, *two),
        lied(
            "undeclared",
            "a payload more is absent than is declared",
            emptied(gone, 4),
            ("missing", 4, "inputs"),
            disposed=3,
        ),
        lied(
            "unannounced",
            "payloads are absent, and no entry tells of them",
            emptied(before_disposing().entries, *DISPOSED),
            *LACKING,
        ),
        lied(
            "still-there",
            "a payload that is declared gone is there",
            emptied(entries, 2, 6),
            ("not_erased", 3),
            disposed=2,
        ),
        lied("nothing-gone", "all that is declared gone is there", entries, *(("not_erased", seq) for seq in DISPOSED)),
        lied(
            "forged-range",
            "the numbers were widened to cover one payload more",
            [*emptied(gone, 4)[:7], replace(entries[7], payload=wider), entries[8]],
            ("altered_payload", 8, "details"),
            *LACKING,
            ("missing", 4, "inputs"),
        ),
        lied(
            "declaration-absent",
            "the details of the batch are absent",
            emptied(gone, 8),
            ("missing", 8, "details"),
            *LACKING,
        ),
        lied("declaration-dropped", "the batch was dropped", [*gone[:7], gone[8]], ("missing", 8), *LACKING),
        lied(
            "declaration-altered",
            "the line of the batch was altered",
            [*gone[:7], replace(gone[7], line=gone[7].line.replace("dpo", "cto")), gone[8]],
            ("altered_entry", 8),
            *LACKING,
        ),
        lied("by-a-recorder", "a recorder says so", emptied(recorder.entries, *DISPOSED), *LACKING),
        lied(
            "announced-alone",
            "the announcement says so, and nothing tells that it was done",
            alone("log.disposing", **said),
            *LACKING,
        ),
        lied("by-another-type", "an erasure's entry with the id of a disposal", alone("log.erased", **said), *LACKING),
        lied(
            "as-an-erasure",
            "with the id of an erasure alone",
            alone("log.disposed", erasure=ERASURE, payloads=GONE),
            *LACKING,
        ),
        lied("unnamed", "an id that is no UUID", alone("log.disposed", disposal="mine", payloads=GONE), *LACKING),
        lied(
            "of-another-log",
            "it tells of an earlier incarnation",
            alone("log.disposed", **said, log="clinic.example/agents~7"),
            *LACKING,
        ),
        lied("beforehand", "declared before the entry was there", emptied(early.entries, 2), ("missing", 2, "inputs")),
        lied(
            "of-the-log",
            "an entry of the log's own is declared and absent, and so is one that never had a payload",
            emptied(everything, 2, 3, 4, 5, 6),
            ("missing", 5, "details"),
            ("not_erased", 5),
            ("not_erased", 1),
            disposed=4,
        ),
    ]


# ---- What was held ----


def issued(writer: Writer | None = None, *, hold: str = HOLD, **scope: object) -> Writer:
    """The log with a hold."""
    facts: Object = {"grace_days": 30, "kind": "litigation", "matter": "31 O 7/26", "review_days": 90}
    return says(writer or before_disposing(), "log.hold_issued", hold=hold, scope=scope, **facts)


def changed(writer: Writer, kind: str, ends_at: str, **scope: object) -> Writer:
    """The log after two people narrowed or released the hold."""
    wanted = {"scope": scope} if scope else {}
    says(writer, "log.hold_change_asked", hold=HOLD, kind=kind, request=REQUEST, version=1, **wanted)
    return says(writer, "log.hold_changed", ends_at=ends_at, hold=HOLD, kind=kind, request=REQUEST, version=2)


SOON: Final = "2026-03-01T09:00:08.000000Z"
"""When a grace period is over before anything is destroyed."""
LATE: Final = "2026-03-31T09:00:08.000000Z"
"""When it is over only after all that is in a log."""
# name, description, the scope of a hold, which of 2, 3, 6 it covers
COVERING: Final[tuple[tuple[str, str, Object, tuple[int, ...]], ...]] = (
    ("session", "a session", {"sessions": ["s-1"]}, DISPOSED),
    ("session-of-two", "one of two sessions, out of order", {"sessions": ["s-2", "s-1"]}, DISPOSED),
    ("actor", "an actor", {"actors": ["p-4f1c"]}, DISPOSED),
    ("agent", "an agent", {"agents": ["a-9"]}, (3,)),
    ("subject", "one of two subjects", {"subjects": ["p-77aa"]}, (3,)),
    ("resource", "a resource", {"resource_ids": ["17"], "resource_types": ["visit"]}, (3,)),
    ("event-type", "types of events", {"event_types": ["request", "response"]}, (2, 6)),
    ("tool", "a tool", {"tools": ["move_visit"]}, (3,)),
    ("domain", "a domain", {"domains": ["pci"]}, (3,)),
    ("scope", "an item of the scope", {"scope": ["client=7"]}, (3,)),
    ("from", "all from a moment on, which is that of an entry", {"from": "2026-03-01T09:00:03.250000Z"}, (3, 6)),
    ("to", "all before a moment, which is that of an entry", {"to": "2026-03-01T09:00:03.250000Z"}, (2,)),
    ("everything", "everything", {"everything": True}, DISPOSED),
    (
        "several",
        "an actor's in a session before a moment",
        {"actors": ["p-4f1c"], "sessions": ["s-1"], "to": SOON},
        DISPOSED,
    ),
)
# name, description, the scope of a hold that covers none of 2, 3, 6
PASSING: Final[tuple[tuple[str, str, object], ...]] = (
    ("other-session", "another session", {"sessions": ["s-2"]}),
    ("other-actor", "another actor", {"actors": ["p-31d0"]}),
    ("one-of-two", "an actor of this session and another agent", {"actors": ["p-4f1c"], "agents": ["a-1"]}),
    ("in-part", "what is in a domain only begins alike", {"domains": ["hip"]}),
    ("other-time", "a time before", {"to": "2026-03-01T09:00:02.250000Z"}),
    ("empty", "an empty scope", {}),
    ("unknown-key", "a key that no scope has", {"everyone": True}),
    ("everything-and-more", "everything, with another key", {"everything": True, "sessions": ["s-1"]}),
    ("not-everything", "not everything", {"everything": False}),
    ("one", "1 in place of true", {"everything": 1}),
    ("no-list", "a text in place of a list", {"sessions": "s-1"}),
    ("empty-list", "an empty list", {"sessions": []}),
    ("number-in-list", "a number in a list", {"sessions": ["s-1", 1]}),
    ("short-time", "a time without its fraction", {"from": "2026-03-01T09:00:00Z"}),
    ("list", "a list in place of the scope", ["s-1"]),
    ("null", "null in place of the scope", None),
)


def held_cases() -> list[Case]:
    """Payloads that were destroyed while a hold was in force or not, and covered them or not."""
    return [
        *(
            against(name, f"destroyed, and a hold on {description} was in force", issued(**scope), *covered)
            for name, description, scope, covered in COVERING
        ),
        *(
            beside(name, f"a hold on {description}, which covers nothing of it", scope)
            for name, description, scope in PASSING
        ),
        *changed_holds(),
        *untold_holds(),
    ]


def against(name: str, description: str, writer: Writer, *covered: int) -> Case:
    """A disposal that took what was held."""
    log = emptied(disposing(writer).entries, *DISPOSED)
    found = tuple(("held_destroyed", seq) for seq in covered)
    return Case(f"fail-held-{name}", description, texts(log), "findings", found, head(log), 0, 3)


def allowed(name: str, description: str, writer: Writer) -> Case:
    """A disposal that took nothing that was held."""
    log = emptied(disposing(writer).entries, *DISPOSED)
    return Case(f"valid-held-{name}", description, texts(log), "proven", (), head(log), 0, 3)


def beside(name: str, description: str, scope: object) -> Case:
    """A disposal beside a hold."""
    return allowed(name, description, says(before_disposing(), "log.hold_issued", hold=HOLD, scope=scope))


def release(ends_at: str) -> Object:
    """What an entry says that ends a hold."""
    return {"ends_at": ends_at, "hold": HOLD, "kind": "release", "request": REQUEST}


def changed_holds() -> list[Case]:
    """Holds that were narrowed or released, and when that took effect."""
    on_session: Object = {"sessions": ["s-1"]}
    narrower: Object = {"sessions": ["s-1"], "tools": ["move_visit"]}
    two = issued(issued(**on_session), hold=uuid(812), tools=["move_visit"])
    twice = changed(issued(**on_session), "narrow", SOON, **narrower)
    says(twice, "log.hold_change_asked", hold=HOLD, kind="release", request=uuid(813), version=2)
    says(twice, "log.hold_changed", ends_at=SOON, hold=HOLD, kind="release", request=uuid(813), version=2)
    over = changed(issued(**on_session), "release", SOON)
    says(over, "log.hold_issued", hold=HOLD, scope={"everything": True})
    unasked = says(issued(**on_session), "log.hold_changed", ends_at=SOON, hold=HOLD, kind="narrow", request=REQUEST)
    asked = says(issued(**on_session), "log.hold_change_asked", hold=HOLD, kind="release", request=REQUEST, version=1)
    other = {"ends_at": SOON, "hold": uuid(819), "kind": "release", "request": REQUEST}
    of_another = says(issued(**on_session), "log.hold_changed", **other)
    endless = says(issued(**on_session), "log.hold_changed", hold=HOLD, kind="release", request=REQUEST)
    elsewhere = changed(issued(everything=True), "narrow", SOON, sessions=["s-2"])
    again = says(changed(issued(**on_session), "release", SOON), "log.hold_changed", **release(LATE))
    asked_twice = says(issued(**on_session), "log.hold_change_asked", hold=HOLD, request=REQUEST, scope=narrower)
    says(asked_twice, "log.hold_change_asked", hold=HOLD, request=REQUEST, scope={"sessions": ["s-2"]})
    says(asked_twice, "log.hold_changed", **{**release(SOON), "kind": "narrow"})
    anothers = says(issued(**on_session), "log.hold_change_asked", hold=uuid(812), request=REQUEST, scope=narrower)
    says(anothers, "log.hold_changed", **{**release(SOON), "kind": "narrow"})
    formless = says(before_disposing(), "log.hold_issued", hold=HOLD, scope={"sessions": []})
    unknown = says(issued(**on_session), "log.hold_changed", **{**release(SOON), "kind": "end"})
    with_scope = changed(issued(**on_session), "release", SOON, everything=True)

    def after(kind: str, ends_at: str, **scope: object) -> Writer:
        return changed(issued(**on_session), kind, ends_at, **scope)

    return [
        allowed("released-again", "a hold that is released is released anew, which says nothing", again),
        allowed("released-with-scope", "the request to release a hold has a scope, which says nothing", with_scope),
        allowed("narrowed-by-anothers", "the request belongs to another hold: what follows covers nothing", anothers),
        against("asked-twice", "two requests have one id: the first counts", asked_twice, 3),
        against(
            "issued-anew", "a hold without its form, which says nothing, then one", issued(formless, **narrower), 3
        ),
        against("changed-otherwise", "a change of no known kind, which says nothing", unknown, *DISPOSED),
        allowed("released", "a hold was released and its grace period is over", after("release", SOON)),
        allowed("narrowed", "a hold was narrowed to another session", elsewhere),
        allowed("narrowed-and-released", "a hold was narrowed, then released", twice),
        allowed("issued-again", "a hold that is released is issued under its id, which says nothing", over),
        allowed("narrowed-unasked", "a hold was narrowed, and no entry tells to what: it covers nothing", unasked),
        against("in-grace", "a hold was released, its grace period is not over", after("release", LATE), *DISPOSED),
        against("narrowed", "a hold was narrowed, and covers one still", after("narrow", SOON, **narrower), 3),
        against(
            "narrowed-in-grace",
            "a hold was narrowed, and covers them until its grace period is over",
            after("narrow", LATE, **narrower),
            *DISPOSED,
        ),
        against("by-another", "of two holds one was released", changed(two, "release", SOON), 3),
        against("release-asked", "a release was asked for, and nobody confirmed it", asked, *DISPOSED),
        against("other-released", "another hold was released", of_another, *DISPOSED),
        against("released-without-end", "a release that does not say as of when", endless, *DISPOSED),
    ]


def untold_holds() -> list[Case]:
    """Where entries that tell of holds stand, who says them, and who destroyed."""
    on_tool: Object = {"tools": ["move_visit"]}
    afterwards = emptied(issued(disposing(), everything=True).entries, *DISPOSED)
    erased = emptied(says(issued(**on_tool), "log.erased", erasure=ERASURE, payloads=GONE).entries, *DISPOSED)
    twice = emptied(disposed(issued(disposing(), **on_tool), payloads="3").entries, *DISPOSED)
    held = emptied(disposing(issued(**on_tool)).entries, *DISPOSED)
    log = "clinic.example/agents~7"
    elsewhere = says(before_disposing(), "log.hold_issued", hold=HOLD, log=log, scope={"everything": True})
    claimed = before_disposing()
    claimed.add(*with_values(recorded(7, "log.hold_issued"), details={"hold": HOLD, "scope": on_tool}))
    withheld = {"hash": held[6].hash, "line": held[6].line, "withheld": ["details"]}
    unseen = [canonical(withheld) if at == 6 else text for at, text in enumerate(texts(held))]
    late = [*held[:6], *held[7:], held[6]]
    undeclared = emptied(issued(**on_tool).entries, 3)
    released = emptied(disposing(changed(issued(**on_tool), "release", SOON)).entries, *DISPOSED)
    mixed = [*released[:6], *released[7:9], released[6], *released[9:]]
    after = emptied(changed(disposing(issued(**on_tool)), "release", SOON).entries, *DISPOSED)
    both = emptied(disposed(disposing(issued(**on_tool)), payloads="3").entries, *DISPOSED)
    there = disposed(issued(**on_tool), payloads="3").entries

    def fine(name: str, description: str, log: Entries, lines: list[str] | None = None) -> Case:
        return Case(f"valid-{name}", description, lines or texts(log), "proven", (), head(log), 0, 3)

    def lied(name: str, description: str, log: Entries, *found: Found, erased: int = 0, disposed: int = 0) -> Case:
        return Case(f"fail-held-{name}", description, texts(log), "findings", found, None, erased, disposed)

    return [
        fine("held-afterwards", "a hold that was issued after the disposal", afterwards),
        allowed("of-another-log", "it tells of a hold of an earlier incarnation", elsewhere),
        allowed("unnamed", "a hold without an id, which says nothing", issued(hold="mine", **on_tool)),
        allowed("by-a-recorder", "a recorder says that something is held, which says nothing", claimed),
        fine("unseen-held", "the details of the hold are withheld: nobody sees what it kept", held, unseen),
        lied("erased", "an erasure took what was held", erased, ("held_destroyed", 3), erased=3),
        lied("later-declared", "destroyed, and again against a hold", twice, ("held_destroyed", 3), disposed=3),
        lied("released-late", "it stands behind its release, out of order", mixed, ("reordered", 7), disposed=3),
        lied("released-afterwards", "released after it, as of before", after, ("held_destroyed", 3), disposed=3),
        lied("declared-twice", "two entries declare it: one finding", both, ("held_destroyed", 3), disposed=3),
        lied("late", "the hold stands at the end", late, ("reordered", 7), ("held_destroyed", 3), disposed=3),
        lied("undeclared", "what is held is absent", undeclared, ("missing", 3, "inputs"), ("missing", 3, "details")),
        lied("still-there", "what is held is declared gone, and is there", there, ("not_erased", 3)),
    ]


def withheld_cases() -> list[Case]:
    """Parts that are not handed out on purpose, and what is called so and isn't."""
    entries = before_erasing().entries
    end = head(entries)

    def hidden(seq: int, *names: str, **shown: object) -> list[str]:
        entry = entries[seq - 1]
        payload = {part: held for part, held in entry.payload.items() if part not in names}
        held = {"payload": payload} if payload else {}
        line = canonical({"hash": entry.hash, "line": entry.line, **held, "withheld": list(names), **shown})
        return [line if at == seq else text for at, text in enumerate(texts(entries), start=1)]

    def lied(name: str, description: str, lines: list[str], *found: Found) -> Case:
        verdict = "unverifiable" if found[0][0] == "unverifiable" else "findings"
        return Case(f"fail-withheld-{name}", description, lines, verdict, found, None)

    erased = told(before_erasing(), payloads="2").entries
    shown_as = {"hash": erased[1].hash, "line": erased[1].line, "withheld": ["inputs"]}
    unseen = [canonical(shown_as) if at == 1 else text for at, text in enumerate(texts(erased))]
    return [
        Case("valid-withheld", "a value is withheld", hidden(2, "inputs"), "proven", (), end),
        Case("valid-withheld-in-part", "of two parts one is withheld", hidden(3, "details"), "proven", (), end),
        Case("valid-withheld-all", "both parts are withheld", hidden(3, "details", "inputs"), "proven", (), end),
        Case("valid-withheld-erased", "what was erased is called withheld", unseen, "proven", (), head(erased)),
        lied(
            "beside-missing", "a part withheld, the other gone", hidden(3, "details", payload={}),
            ("missing", 3, "inputs"),
        ),
        lied(
            "not-committed", "a part that the event never had", hidden(2, "inputs", "outputs"),
            ("commitment_wrong", 2, "outputs"),
        ),
        lied("held", "withheld and held", hidden(2, "inputs", payload=entries[1].payload), ("unverifiable", 2)),
        lied("nothing", "an empty list", hidden(1, withheld=[]), ("unverifiable", 1)),
        lied("null", "no list", hidden(1, withheld=None), ("unverifiable", 1)),
        lied("unsorted", "out of order", hidden(3, "inputs", "details"), ("unverifiable", 3)),
        lied("twice", "a part twice", hidden(2, "inputs", "inputs"), ("unverifiable", 2)),
        lied("unknown", "a part that no event has", hidden(2, "inputs", "original"), ("unverifiable", 2)),
    ]  # fmt: skip


def all_cases() -> list[Case]:
    """Every vector; names are unique."""
    groups = (
        valid_cases(),
        altered_cases(),
        payload_cases(),
        order_cases(),
        chain_cases(),
        late_cases(),
        identity_cases(),
        text_cases(),
        wrapper_cases(),
        erased_cases(),
        disposed_cases(),
        held_cases(),
        withheld_cases(),
    )
    cases = [case for group in groups for case in group]
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"names given twice: {sorted({name for name in names if names.count(name) > 1})}")
    return cases


def write(directory: Path) -> int:
    """Write every vector into ``directory``, removing those that are no longer made; returns how many there are."""
    directory.mkdir(parents=True, exist_ok=True)
    cases = all_cases()
    made = {f"{case.name}.json" for case in cases}
    for path in (*directory.glob("valid-*.json"), *directory.glob("fail-*.json")):
        if path.name not in made:
            path.unlink()
    for case in cases:
        (directory / f"{case.name}.json").write_text(case.text(), encoding="utf-8", newline="\n")
    return len(cases)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors"
    print(f"{write(target)} vectors in {target}")
