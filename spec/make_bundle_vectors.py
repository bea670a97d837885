"""Writes spec/vectors-bundle anew: evidence bundles, honest ones and lies, each with the verdict that must be reached.

Standard library, `cryptography` for signing, and the makers of the other vectors. Nothing is taken from verify.py or
the package, so that writer and reader can't share a mistake. Nothing is random, so the same files come out every time.

    python make_bundle_vectors.py [DIRECTORY]
"""

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from make_tree_vectors import split
from make_vectors import (
    LOG,
    Exported,
    Found,
    Object,
    Writer,
    canonical,
    event,
    hash_of,
    own,
    recorded,
    salt_for,
    uuid,
    with_values,
)

NAME: Final = "clinic.example/agents"
TICKET: Final = uuid(700)
ERASURE: Final = uuid(701)
DISPOSAL: Final = uuid(702)
HOLD: Final = uuid(703)
OFFICER: Final = "officer"
SIZE: Final = 15
"""Entries in the log when its checkpoint was signed: twelve, the export, and two more."""
SECONDS: Final = 1_772_355_700

Files = dict[str, str]
Edit = Callable[[Any], Any]


def same(value: Any) -> Any:
    """No change."""
    return value


# ---- keys and notes ----


@dataclass(frozen=True)
class Signer:
    """A private key with a name."""

    name: str
    seed: int

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)

    def text(self, kind: int = 1) -> str:
        """The verifier key, for notes (1) or as a cosigner's (4)."""
        raw = bytes([kind]) + self._key.public_key().public_bytes_raw()
        return f"{self.name}+{self._id(kind).hex()}+{base64.b64encode(raw).decode()}"

    def _id(self, kind: int) -> bytes:
        raw = bytes([kind]) + self._key.public_key().public_bytes_raw()
        return hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]

    def sign(self, text: str) -> str:
        """The line with a signature of a note's text."""
        return f"— {self.name} {base64.b64encode(self._id(1) + self._key.sign(text.encode())).decode()}\n"

    def cosign(self, text: str, seconds: int = SECONDS) -> str:
        """The line with a cosignature of a checkpoint's text."""
        signed = self._key.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        return f"— {self.name} {base64.b64encode(self._id(4) + seconds.to_bytes(8, 'big') + signed).decode()}\n"


FIRST: Final = Signer(NAME, 1)
SECOND: Final = Signer(NAME, 2)
STRANGER: Final = Signer(NAME, 3)
OTHER_LOG: Final = Signer("other.example/agents", 2)
EXPORTER: Final = Signer(OFFICER, 4)
WITNESS: Final = Signer("witness.example", 5)
SECOND_WITNESS: Final = Signer("watch.example", 6)


def note(text: str, *lines: str) -> str:
    """A signed note."""
    return f"{text}\n{''.join(lines)}"


def statement(change: str, key: Signer, previous: Signer | None, after: str, by: Sequence[Signer]) -> str:
    """A key statement, signed."""
    before = "" if previous is None else f"previous {previous.text()}\n"
    text = (
        f"unbroken key statement v1\nlog {NAME}\nchange {change}\nkey {key.text()}\n{before}"
        f"from {after}\ntime 2026-03-01T08:00:00.000000Z\n"
    )
    return note(text, *(each.sign(text) for each in by))


ONE: Final = statement("first", FIRST, None, "1 0", [FIRST])
ROTATED: Final = statement("rotated", SECOND, FIRST, "1 7", [FIRST, SECOND])
LOST: Final = statement("lost", SECOND, FIRST, "1 7", [SECOND])


# ---- the tree ----


def mth(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaves' hashes, of which there is at least one."""
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def multiproof(leaves: Sequence[bytes], positions: Iterable[int], start: int = 0) -> list[bytes]:
    """The proof of many leaves, as TREE.md defines it."""
    inside = [each for each in positions if start <= each < start + len(leaves)]
    if not inside:
        return [mth(leaves)]
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return [*multiproof(leaves[:k], inside, start), *multiproof(leaves[k:], inside, start + k)]


def checkpoint_text(leaves: Sequence[bytes], log: str = LOG) -> str:
    """The text of the checkpoint of the tree over these leaves."""
    return f"{log}\n{len(leaves)}\n{base64.b64encode(mth(leaves)).decode()}\n"


# ---- the log ----


Own = tuple[str, Object]
"""The type and the details of an entry of the log's own."""
READ: Final[Own] = ("log.read", {"purpose": "complaint 31"})
ERASED: Final[Own] = ("log.erased", {"complete": True, "erasure": ERASURE, "payloads": "7"})
DISPOSED: Final[Own] = ("log.disposed", {"disposal": DISPOSAL, "kept": "4", "payloads": "7"})


def held(**scope: object) -> Own:
    """A hold is issued."""
    facts: Object = {"grace_days": 30, "kind": "litigation", "matter": "31 O 7/26", "review_days": 90}
    return "log.hold_issued", {**facts, "hold": HOLD, "scope": scope}


def log_before(fifth: Own = READ, tenth: Own = ERASED) -> Writer:
    """Twelve entries of a clinic's agent: two sessions, something read, something destroyed."""
    writer = Writer()
    agent = {"actor_type": "agent", "agent_id": "scheduler-1"}
    writer.add(recorded(1, "conversation_started", session_id="s-1"))
    asked = recorded(2, "request", redactions=["US_SSN:1"], session_id="s-1", subjects=["p-4f1c"])
    writer.add(*with_values(asked, inputs={"text": "Move my visit. I am <US_SSN_1>."}))
    visit = {"resource_id": "visit-17", "resource_type": "visit"}
    call = recorded(3, "tool_call", session_id="s-1", side_effect=True, subjects=["p-4f1c"], tool="move", **agent)
    writer.add(*with_values({**call, **visit}, inputs={"visit": 17}, details={"offered": ["move"]}))
    other = {"actor_id": "p-9b02", "session_id": "s-2"}
    health = recorded(4, "request", redactions=["MEDICAL_RECORD:1"], **other)
    writer.add(*with_values(health, inputs={"text": "Is my test back?"}))
    writer.add(*own(5, *fifth))
    result = recorded(6, "tool_result", session_id="s-1", tool="move", **visit, **agent)
    writer.add(*with_values(result, outputs={"moved": True}))
    fields, _ = with_values(recorded(7, "request", **other), inputs={"text": "My insurance number is …"})
    writer.add(fields)
    writer.add(*with_values(recorded(8, "error", **other), details={"message": "timed out"}))
    writer.add(*with_values(recorded(9, "response", session_id="s-1"), outputs={"text": "Moved."}))
    writer.add(*own(10, *tenth))
    seen = recorded(11, "data_accessed", resource_id="record-5", resource_type="record", **agent)
    writer.add(*with_values(seen, details={"fields": ["name"]}))
    return writer.add(recorded(12, "conversation_ended", session_id="s-1"))


def exported_form(entry: Exported, withheld: Sequence[str] = ()) -> Object:
    """An entry as entries.jsonl holds it, less what is withheld."""
    payload = {part: held for part, held in entry.payload.items() if part not in withheld}
    return {
        "hash": entry.hash,
        "line": entry.line,
        **({"payload": payload} if payload else {}),
        **({"withheld": sorted(withheld)} if withheld else {}),
    }


def parts_of(entry: Exported) -> list[str]:
    """The parts that an entry commits to."""
    return [part for part in ("details", "inputs", "outputs") if part in json.loads(entry.line)["event"]]


def number_of(exported: Object) -> int:
    """The number that an export object's line states."""
    return int(json.loads(exported["line"])["seq"])


def runs_of(numbers: Sequence[int]) -> list[list[int]]:
    """Runs of numbers that ascend."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


SELECTIONS: Final[Mapping[str, tuple[Object, tuple[int, ...]]]] = {
    "log": ({"kind": "log"}, tuple(range(1, 13))),
    "session": ({"kind": "session", "session": "s-1"}, (1, 2, 3, 6, 9, 12)),
    "actor": ({"ids": ["p-9b02"], "kind": "actor"}, (4, 7, 8)),
    "subject": ({"ids": ["p-4f1c", "p-other"], "kind": "subject"}, (2, 3)),
    "time": ({"from": "2026-03-01T09:00:03.250000Z", "kind": "time", "to": "2026-03-01T09:00:06.250000Z"}, (3, 4, 5)),
    "actions": ({"agent": "scheduler-1", "ids": ["p-4f1c"], "kind": "query", "name": "actions"}, (3, 6, 11)),
    "access": ({"ids": ["visit-17"], "kind": "query", "name": "access", "type": "visit"}, (3, 6)),
    "contains": ({"flags": ["card", "health"], "kind": "query", "name": "contains"}, (4,)),
    "errors": ({"from": "2026-03-01T09:00:00.000000Z", "kind": "query", "name": "errors"}, (8,)),
    "unapproved": ({"from": "2026-03-01T09:00:09.000000Z", "kind": "query", "name": "unapproved"}, (3,)),
}
"""By name: what is asked for, and the entries that match."""


# ---- making a bundle ----


@dataclass(frozen=True)
class Making:
    """A bundle about to be made. Each edit is what its maker lies about; what is made after it fits the lie."""

    about: str = "session"
    fifth: Own = READ
    tenth: Own = ERASED
    upto: int = 12
    selected: tuple[int, ...] | None = None
    with_range: bool = False
    withheld: Mapping[int, Sequence[str]] = field(default_factory=dict)
    without: tuple[int, ...] = ()
    beside: tuple[int, ...] = ()
    draft: bool = False
    unsigned: bool = False
    entries: Edit = same
    manifest: Edit = same
    details: Edit = same
    envelope: Mapping[str, Any] = field(default_factory=dict)
    exported: Edit = same
    statements: tuple[str, ...] = (ONE, ROTATED)
    cosigners: tuple[Signer, ...] = (WITNESS,)
    signers: tuple[Signer, ...] = (SECOND,)
    noted: Edit = same
    receipts: Callable[["Made"], list[Object]] = lambda made: [receipt(made.note)]

    def files(self) -> Files:
        """All files of it."""
        before = log_before(self.fifth, self.tenth)
        lines = self._entries(before.entries)
        files = {
            "LIMITS.md": "What this evidence shows, and what it does not.\n",
            "entries.csv": "seq,event_type\n",
            "entries.jsonl": "".join(canonical(each) + "\n" for each in lines),
            "verify.html": "<!doctype html><title>the verifier</title>\n",
            "verify.py": '"""The verifier."""\n',
        }
        manifest = canonical(self.manifest(self._manifest(lines, files))) + "\n"
        files["manifest.json"] = manifest
        if not self.draft:
            entry = self._recorded(before, lines, manifest)
            text = f"unbroken evidence v1\n{LOG}\n{hashlib.sha256(manifest.encode()).hexdigest()}\n"
            files["manifest.note"] = note(text, EXPORTER.sign(text))
            files["exported.jsonl"] = canonical(self.exported(exported_form(entry))) + "\n"
        made = self._closed(before, lines, [] if self.draft else [files["exported.jsonl"]])
        cosigners = [each.text(4) for each in self.cosigners]
        files["keys.json"] = canonical({"cosigners": cosigners, "statements": list(self.statements), "v": 1}) + "\n"
        files["anchors.jsonl"] = "".join(canonical(each) + "\n" for each in self.receipts(made))
        if not self.unsigned:
            files["checkpoint.note"] = made.note
            files["proof.json"] = made.proof
        return dict(sorted(files.items()))

    def _entries(self, log: Sequence[Exported]) -> list[Object]:
        chosen = self.chosen
        shown = {*chosen, *self.beside, *(range(chosen[0], chosen[-1] + 1) if self.with_range else ())}
        hidden = {seq: parts_of(log[seq - 1]) for seq in shown - {*chosen, *self.beside}}
        hidden |= {seq: list(parts) for seq, parts in self.withheld.items()}
        picked = [exported_form(log[seq - 1], hidden.get(seq, [])) for seq in sorted(shown - set(self.without))]
        return list(self.entries(picked))

    @property
    def chosen(self) -> tuple[int, ...]:
        """The numbers that the manifest says were selected."""
        return SELECTIONS[self.about][1] if self.selected is None else self.selected

    def _manifest(self, lines: Sequence[Object], files: Files) -> Object:
        withheld = [part for each in lines for part in each.get("withheld", [])]
        return {
            "entries": len(lines),
            "exported": {
                "at": "2026-03-01T09:00:12.900000Z",
                "by": OFFICER,
                "case": "2026-44",
                "duty": "compliance",
                "purpose": "complaint of a patient",
                "ticket": TICKET,
            },
            "files": {name: stated(text) for name, text in files.items()},
            "log": LOG,
            "selected": runs_of(self.chosen),
            "selection": {**SELECTIONS[self.about][0], "upto": str(self.upto)},
            "software": "unbroken 0.1.0",
            "v": 1,
            "with_range": self.with_range,
            "withheld": {part: withheld.count(part) for part in sorted(set(withheld))},
        }

    def _recorded(self, log: Writer, lines: Sequence[Object], manifest: str) -> Exported:
        """The entry in which the log records the export."""
        details = self.details(
            {
                "entries": len(lines),
                "key": EXPORTER.text(),
                "manifest_sha256": hashlib.sha256(manifest.encode()).hexdigest(),
                "selection": {"kind": json.loads(manifest)["selection"]["kind"]},
                "ticket": TICKET,
            }
        )
        fields = {**event(13, "log.exported", actor_id=OFFICER, actor_type="admin"), **self.envelope.get("event", {})}
        log.add(*with_values(fields, details=details), **{k: v for k, v in self.envelope.items() if k != "event"})
        return log.entries[-1]

    def _closed(self, log: Writer, lines: Sequence[Object], exported: Sequence[str]) -> "Made":
        """The log grows on, its notary signs it, and the proof is made."""
        while len(log.entries) < SIZE:
            log.add(*own(len(log.entries) + 1, "log.read", {"purpose": "audit"}))
        leaves = [bytes.fromhex(each.hash) for each in log.entries]
        told = [*(number_of(each) for each in lines), *(number_of(json.loads(each)) for each in exported)]
        if self.envelope.get("log"):
            told = told[:-1]
        text = self.noted(checkpoint_text(leaves))
        lines_ = [
            *(each.sign(text) + each.cosign(text) for each in self.signers),
            *(c.cosign(text) for c in self.cosigners),
        ]
        proof = [each.hex() for each in multiproof(leaves, sorted({seq - 1 for seq in told}))]
        return Made(leaves, text, note(text, *lines_), canonical({"hashes": proof, "size": SIZE, "v": 1}) + "\n")


@dataclass(frozen=True)
class Made:
    """The tree of a bundle."""

    leaves: list[bytes]
    text: str
    note: str
    proof: str


def stated(text: str) -> Object:
    """What the manifest says of a file."""
    return {"bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def receipt(of: str, kind: str = "directory", anchor: str = "auditors", proof: str = "") -> Object:
    """An anchor's receipt."""
    return {"anchor": anchor, "kind": kind, "note": of, "proof": base64.b64encode(proof.encode()).decode()}


# ---- cases ----


@dataclass(frozen=True)
class Case:
    """One vector: a file's name without its ending, the bundle, and what a verifier must say of it."""

    name: str
    description: str
    files: Files
    verdict: str
    findings: tuple[Found, ...] = ()
    trust: tuple[str, ...] = (SECOND.text(),)

    def text(self, base: Files) -> str:
        """The file's text: the files that differ from those of the honest bundle ``base``, or all of them."""
        findings = [dict(zip(("kind", "seq", "part"), found, strict=False)) for found in self.findings]
        changed: dict[str, str | None] = {name: text for name, text in self.files.items() if base.get(name) != text}
        changed |= dict.fromkeys(base.keys() - self.files.keys())
        content = {
            "description": self.description,
            "trust": list(self.trust),
            "verdict": self.verdict,
            "findings": findings,
            **({"of": BASE} if base else {}),
            "files": dict(sorted(changed.items())),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


BASE: Final = "valid-session"


@cache
def honest() -> Making:
    """The bundle that most lies are told about."""
    return Making()


def valid_cases() -> Iterator[Case]:
    """Bundles in which nothing is wrong, whatever they prove."""
    base = honest()
    files = base.files()
    yield Case(BASE, "one session of a log of 15 entries", files, "proven")
    yield Case("valid-untrusted", "no key is trusted", files, "origin unproven", trust=())
    for trust, why in ((OTHER_LOG, "another log's name"), (STRANGER, "no part in this log")):
        name = "valid-trust-of-another-name" if trust is OTHER_LOG else "valid-trust-of-a-stranger"
        yield Case(name, f"the only trusted key has {why}", files, "origin unproven", trust=(trust.text(),))
    yield Case("valid-rotated", "the key before the rotation is trusted", files, "proven", trust=(FIRST.text(),))
    trusted = (SECOND.text(), WITNESS.text(4))
    yield Case("valid-witnessed", "the witness is trusted as well", files, "proven", trust=trusted)
    cosigner = (SECOND.text(4),)
    described = "the log's key is trusted as a cosigner's, which is no checkpoint key"
    yield Case("valid-trust-as-cosigner", described, files, "origin unproven", trust=cosigner)
    extended = Making(noted=lambda text: text + "an extension\n").files()
    yield Case("valid-extension", "the checkpoint has a line more, which has no meaning here", extended, "proven")
    between = statement("rotated", STRANGER, FIRST, "1 7", [FIRST, STRANGER])
    onward = statement("rotated", SECOND, STRANGER, "1 7", [STRANGER, SECOND])
    twice = Making(statements=(ONE, between, onward)).files()
    yield Case("valid-rotated-twice", "two rotations at one place", twice, "proven", trust=(FIRST.text(),))
    yield Case(
        "valid-witness-alone",
        "a witness is trusted, and no key of the log",
        files,
        "origin unproven",
        trust=trusted[1:],
    )
    for about in SELECTIONS:
        if about not in {"session", "actor", "log"}:
            yield Case(f"valid-{about}", f"a selection: {about}", Making(about=about).files(), "proven")
    actor = Making(about="actor", beside=(10,))
    yield Case(
        "valid-actor", "what an actor did; a payload of it was erased, as an entry beside says", actor.files(), "proven"
    )
    disposed = replace(actor, tenth=DISPOSED).files()
    yield Case("valid-disposed", "what an actor did; a disposal took a payload of it, and kept one", disposed, "proven")
    for name, description, scope in (
        ("log-disposed", "the whole log, of which a disposal took a payload beside a hold", {"sessions": ["s-1"]}),
        (
            "log-held-in-part",
            "the whole log, with a hold that all but one thing fit",
            {"sessions": ["s-2"], "tools": ["move"]},
        ),
    ):
        making = Making(about="log", fifth=held(**scope), tenth=DISPOSED)
        yield Case(f"valid-{name}", description, making.files(), "proven")
    on_session = held(sessions=["s-2"])
    unseen = replace(actor, fifth=on_session, tenth=DISPOSED).files()
    yield Case("valid-unseen-hold", "what was held went, and the hold is in another part of the log", unseen, "proven")
    hidden = Making(about="log", fifth=on_session, tenth=DISPOSED, withheld={5: ["details"]}).files()
    yield Case(
        "valid-unseen-hold-withheld", "what was held went, and the hold's details are withheld", hidden, "proven"
    )
    yield Case("valid-log", "the whole log", Making(about="log").files(), "proven")
    for about, chosen in (("session", None), ("time", None), ("unapproved", (3, 11))):
        ranged = Making(about=about, selected=chosen, with_range=True)
        yield Case(f"valid-{about}-with-range", "with all lines in between", ranged.files(), "proven")
    yield Case(
        "valid-withheld", "values of three entries are withheld",
        Making(withheld={2: ["inputs"], 3: ["details", "inputs"], 9: ["outputs"]}).files(), "proven",
    )  # fmt: skip
    half = Making(withheld={3: ["details"]}).files()
    yield Case("valid-withheld-in-part", "of one entry a part is held and the other withheld", half, "proven")
    hidden = Making(about="actor", beside=(10,), withheld={4: ["inputs"], 7: ["inputs"]}).files()
    yield Case("valid-withheld-and-erased", "what was erased is called withheld, which hides nothing", hidden, "proven")
    yield Case("valid-draft", "a draft", Making(draft=True).files(), "consistent")
    yield Case("valid-unsigned", "there is no checkpoint", Making(unsigned=True).files(), "consistent")
    yield Case(
        "valid-unsigned-draft", "a draft without a checkpoint", Making(draft=True, unsigned=True).files(), "consistent"
    )
    unspoken = Making(statements=())
    yield Case("valid-no-history", "no key history, and the signing key is trusted", unspoken.files(), "proven")
    yield Case(
        "valid-no-history-untrusted", "no key history and no trust", unspoken.files(), "origin unproven", trust=()
    )
    later = statement("rotated", SECOND, FIRST, "1 15", [FIRST, SECOND])
    before = Making(statements=(ONE, later), signers=(FIRST,)).files()
    for trust, name in ((FIRST, "its-own"), (SECOND, "the-next")):
        described = "the last tree of the first key"
        yield Case(f"valid-before-rotation-{name}", described, before, "proven", trust=(trust.text(),))
    lost = Making(statements=(ONE, LOST)).files()
    yield Case("valid-lost", "the key before was lost, and the new one is trusted", lost, "proven")
    yield Case("valid-lost-untrusted", "only the lost key is trusted", lost, "origin unproven", trust=(FIRST.text(),))
    both = Making(signers=(FIRST, SECOND)).files()
    yield Case("valid-signed-twice", "the old key signed as well, which counts for nothing", both, "proven")
    stranger = Making(signers=(STRANGER, SECOND)).files()
    yield Case("valid-unknown-signature", "somebody else signed as well", stranger, "proven")
    yield Case("valid-receipts", "receipts of every kind", Making(receipts=many_receipts).files(), "proven")
    yield Case("valid-no-receipts", "no receipts", Making(receipts=lambda _: []).files(), "proven")
    entries = "".join(
        json.dumps(dict(reversed(json.loads(each).items()))) + "\n" for each in files["entries.jsonl"].splitlines()
    )
    spelt = Making(manifest=lambda m: {**m, "files": {**m["files"], "entries.jsonl": stated(entries)}}).files()
    yield Case("valid-spelling", "export objects in another spelling", {**spelt, "entries.jsonl": entries}, "proven")
    nameless = Making(manifest=lambda m: {**m, "exported": {k: v for k, v in m["exported"].items() if k != "case"}})
    yield Case("valid-no-case", "an export that belongs to no case", nameless.files(), "proven")
    continued = Making(envelope={"log": f"{NAME}~2", "seq": 4}, details=lambda d: {**d, "log": LOG}).files()
    yield Case("valid-continued", "the export is recorded in a later incarnation", continued, "consistent")
    unseen = Making(selected=(1, 2, 3, 6, 9)).files()
    yield Case(
        "valid-unseen-end", "a session's last entry was left out: nothing in a bundle shows it", unseen, "proven"
    )
    unseen = Making(about="subject", selected=(3,), with_range=True).files()
    yield Case(
        "valid-unseen-before", "an entry before the range was left out: nothing in a bundle shows it", unseen, "proven"
    )
    unseen = {**files, "anchors.jsonl": ""}
    yield Case("valid-unseen-receipts", "receipts were taken away: nothing in a bundle shows it", unseen, "proven")


def many_receipts(made: Made) -> list[Object]:
    """Of every kind, for this tree and others."""
    other = base64.b64encode(bytes(32)).decode()
    smaller, larger = (f"{LOG}\n{size}\n{other}\n" for size in (SIZE - 3, SIZE + 3))
    response = base64.b64encode(b"no answer of an authority").decode()
    token = canonical({"nonce": "7", "response": response, "sha256": hashlib.sha256(b"x").hexdigest()})
    return [
        *(receipt(made.note, kind, kind) for kind in ("directory", "file", "object store")),
        receipt(
            made.note, "witness", "watch", SECOND_WITNESS.cosign(made.text) + WITNESS.cosign(made.text, SECONDS + 9)
        ),
        receipt(made.note, "timestamp", "authority", token),
        receipt(note(smaller, SECOND.sign(smaller)), "file", "of a smaller tree"),
        receipt(note(larger, SECOND.sign(larger)), "witness", "of a larger tree", WITNESS.cosign(larger)),
    ]


# ---- lies of whoever had the bundle after it was made ----


def with_lines(files: Files, edit: Callable[[list[str]], list[str]], name: str = "entries.jsonl") -> Files:
    """The bundle with the lines of a file edited."""
    return {**files, name: "".join(line + "\n" for line in edit(files[name].splitlines()))}


def swapped(files: Files, name: str, old: str, new: str) -> Files:
    """The bundle with the first ``old`` in a file exchanged for ``new``."""
    text = files[name].replace(old, new, 1)
    if text == files[name]:
        raise ValueError(f"the edit of {name} changes nothing")
    return {**files, name: text}


def without(files: Files, *names: str) -> Files:
    """The bundle without these files."""
    return {name: text for name, text in files.items() if name not in names}


def file_lies() -> Iterator[Case]:
    """A file is not what it was, or not there."""
    files = honest().files()
    for name in ("LIMITS.md", "entries.csv", "verify.html", "verify.py"):
        lie = {**files, name: files[name] + "\n"}
        yield lied(f"file-{name}", f"{name} was changed", lie, ("altered_file", 0, name))
    gone: dict[str, tuple[Found, ...]] = {
        "manifest.json": (), "entries.jsonl": (("not_included", 0),), "exported.jsonl": (("not_included", 0),),
    }  # fmt: skip
    for name in files:
        lie = without(files, name)
        yield lied(f"no-{name}", f"{name} was taken away", lie, ("altered_file", 0, name), *gone.get(name, ()))
    lie = without(files, "manifest.note", "exported.jsonl")
    yield lied("made-a-draft", "it is made to look like a draft", lie, ("not_included", 0))
    altered: Found = ("altered_file", 0, "entries.jsonl")
    counted: Found = ("manifest_wrong", 0)

    def entries(name: str, description: str, edit: Callable[[list[str]], list[str]], *found: Found) -> Case:
        return lied(f"entries-{name}", description, with_lines(files, edit), altered, *found)

    def line(at: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
        return lambda lines: [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]

    yield entries("value", "a value was changed", line(1, "Move my", "Drop my"), ("altered_payload", 2, "inputs"))
    yield entries("line", "a line was changed", line(2, "scheduler-1", "scheduler-2"), ("altered_entry", 3))
    yield entries("hash", "a stated hash was changed", line(2, '{"hash":"', '{"hash":"0'), ("unverifiable", 3))
    yield entries(
        "dropped", "an entry was taken away", lambda lines: [*lines[:2], *lines[3:]],
        counted, ("missing", 3), ("session_gap", 6), ("not_included", 0),
    )  # fmt: skip
    yield entries(
        "cut", "the last two entries were taken away", lambda lines: lines[:4],
        counted, ("missing", 9), ("missing", 12), ("not_included", 0),
    )  # fmt: skip
    yield entries("empty", "all entries were taken away", lambda _: [],
        counted, ("missing", 1), ("missing", 6), ("missing", 9), ("missing", 12), ("not_included", 0),
    )  # fmt: skip
    yield entries(
        "reordered", "two entries changed places", lambda each: [each[0], each[2], each[1], *each[3:]], ("reordered", 2)
    )
    yield entries("repeated", "an entry stands there twice", lambda each: [*each, each[1]], counted, ("duplicate", 2))
    fourth = canonical(exported_form(log_before().entries[3]))
    yield entries(
        "added", "an entry of the log was put in", lambda each: [*each[:3], fourth, *each[3:]],
        counted, ("manifest_wrong", 4), ("not_included", 0),
    )  # fmt: skip
    yield entries("blank-line", "an empty line was put in", lambda each: [*each, ""], counted, ("unverifiable", 13))
    yield entries(
        "payload-dropped", "a payload was taken away",
        lambda each: [*each[:1], *without_payload(each[1]), *each[2:]], ("missing", 2, "inputs"),
    )  # fmt: skip
    yield entries(
        "withheld-later", "a value was taken away and called withheld",
        lambda each: [*each[:1], *without_payload(each[1], withheld=["inputs"]), *each[2:]], counted,
    )  # fmt: skip


def without_payload(line: str, **more: object) -> list[str]:
    """An export line without its payload."""
    return [canonical({key: value for key, value in {**json.loads(line), **more}.items() if key != "payload"})]


def lied(name: str, description: str, files: Files, *found: Found, trust: tuple[str, ...] = (SECOND.text(),)) -> Case:
    """A bundle with a lie in it."""
    kinds = {each[0] for each in found}
    verdict = "unverifiable" if kinds == {"unverifiable"} else "findings"
    return Case(f"fail-{name}", description, files, verdict, found, trust)


def manifest_lies() -> Iterator[Case]:
    """The manifest was changed after the log had recorded its hash, or is no manifest."""
    files = honest().files()
    export: Found = ("export_wrong", 0)
    mine = (1, 2, 3, 6, 9, 12)
    others: tuple[Found, ...] = (*(("forked", seq) for seq in mine), ("checkpoint_wrong", 0), ("anchors_wrong", 0))
    listed = '"entries.csv":{"bytes":1'
    for name, old, new in (
        ("purpose", "complaint of a patient", "routine"),
        ("by-in-time", "12.900000Z", "12.800000Z"),
        ("case", "2026-44", "2026-45"),
        ("duty", "compliance", "legal"),
        ("software", "0.1.0", "0.1.1"),
    ):
        yield lied(
            f"manifest-{name}", f"{name} in the manifest was changed", swapped(files, "manifest.json", old, new), export
        )
    for name, old, new, found in (
        ("by", '"by":"officer"', '"by":"intern"', (export,)),
        ("ticket", TICKET, uuid(799), (export,)),
        ("log", f'"log":"{LOG}"', f'"log":"{NAME}~2"', (export, *others)),
        ("entries", '"entries":6', '"entries":7', (export, ("manifest_wrong", 0))),
        ("withheld", '"withheld":{}', '"withheld":{"inputs":1}', (export, ("manifest_wrong", 0))),
        ("session", '"session":"s-1"', '"session":"s-2"', (export, *(("selection_wrong", seq) for seq in mine))),
        ("upto", '"upto":"12"', '"upto":"11"', (export, ("manifest_wrong", 0), ("selection_wrong", 12))),
        ("selected", "[9,9]", "[8,9]", (export, ("missing", 8))),
        ("selected-less", "[9,9],", "", (export, ("manifest_wrong", 9), ("session_gap", 12))),
        ("range", '"with_range":false', '"with_range":true', (export, ("missing", 4), ("missing", 7), ("missing", 10))),
        ("hash", listed + "5", listed + "6", (export, ("altered_file", 0, "entries.csv"))),
    ):  # fmt: skip
        yield lied(
            f"manifest-{name}", f"{name} in the manifest was changed", swapped(files, "manifest.json", old, new), *found
        )
    wrong: Found = ("manifest_wrong", 0)
    for name, old, new in (
        ("spelling", '{"entries":', '{ "entries":'),
        ("no-newline", "\n", ""),
        ("two-newlines", "\n", "\n\n"),
        ("order", '{"entries":6,', "{"),
        ("unknown-key", '{"entries":6', '{"a":1,"entries":6'),
        ("repeated-key", '{"entries":6', '{"entries":6,"entries":6'),
        ("float", '"entries":6', '"entries":6.0'),
        ("boolean", '"with_range":false', '"with_range":0'),
        ("unknown-kind", '"kind":"session"', '"kind":"story"'),
        ("unknown-parameter", '"session":"s-1"', '"session":"s-1","source":"x"'),
        ("kind-of-a-query", '"kind":"session","session":"s-1"', '"kind":"errors"'),
        ("upto-as-number", '"upto":"12"', '"upto":12'),
        ("upto-zero", '"upto":"12"', '"upto":"0"'),
        ("runs-touch", "[1,3]", "[1,2],[3,3]"),
        ("runs-overlap", "[6,6]", "[3,6]"),
        ("runs-backwards", "[1,3]", "[3,1]"),
        ("runs-none", "[[1,3],[6,6],[9,9],[12,12]]", "[]"),
        ("run-of-three", "[6,6]", "[6,6,6]"),
        ("zero-withheld", '"withheld":{}', '"withheld":{"inputs":0}'),
        ("bytes-as-text", '"bytes":15', '"bytes":"15"'),
        ("file-not-listed", '"verify.py":', '"verify.js":'),
        ("time", "2026-03-01T09:00:12.900000Z", "2026-03-01 09:00:12"),
        ("no-json", "{", ""),
        ("control", "unbroken 0.1.0", "unbroken \\u0000"),
    ):
        yield lied(f"manifest-form-{name}", f"no manifest: {name}", swapped(files, "manifest.json", old, new), wrong)
    lie = swapped(files, "manifest.json", '"v":1', '"v":2')
    yield lied("manifest-version-2", "a manifest of another version", lie, ("unverifiable", 0))
    lie = swapped(files, "manifest.json", '"v":1', '"v":true')
    yield lied("manifest-version-true", "a version that is no number", lie, wrong)


def with_more(values: Mapping[str, object]) -> Edit:
    """Other values in an object."""
    return lambda old: {**old, **values}


def export_lies() -> Iterator[Case]:
    """Who exported it is not who the log says, or the log does not say it."""
    files = honest().files()
    wrong: Found = ("export_wrong", 0)
    unsigned: Found = ("signature_wrong", 0, "manifest.note")
    text = files["manifest.note"].partition("\n\n")[0] + "\n"
    forger = Signer(OFFICER, 9)
    for name, content in (
        ("another-key", note(text, forger.sign(text))),
        ("another-text", note(text.replace("~1", "~2"), EXPORTER.sign(text.replace("~1", "~2")))),
        ("another-hash", note(changed := f"unbroken evidence v1\n{LOG}\n{'0' * 64}\n", EXPORTER.sign(changed))),
        ("extra-line", note(changed := text + "more\n", EXPORTER.sign(changed))),
        ("unsigned", text),
        ("signature-of-another-text", note(text, EXPORTER.sign(text + "more\n"))),
        ("hyphen", files["manifest.note"].replace("— ", "- ")),
        ("windows-newlines", files["manifest.note"].replace("\n", "\r\n")),
    ):
        yield lied(f"note-{name}", f"manifest.note: {name}", {**files, "manifest.note": content}, unsigned)
    for name, details in (
        ("manifest", {"manifest_sha256": "0" * 64}),
        ("ticket", {"ticket": uuid(799)}),
        ("entries", {"entries": 5}),
        ("entries-true", {"entries": True}),
        ("selection", {"selection": {"kind": "log"}}),
        ("selection-list", {"selection": ["session"]}),
        ("key-none", {"key": "officer"}),
        ("key-list", {"key": [EXPORTER.text()]}),
        ("key-changed", {"key": EXPORTER.text().replace("officer+", "Officer+")}),
    ):  # fmt: skip
        made = Making(details=with_more(details)).files()
        yield lied(f"export-{name}", f"the log recorded another export: {name}", made, wrong)
    made = Making(details=lambda d: {**d, "key": forger.text()}).files()
    yield lied("export-another-key", "the log names another key of the exporter", made, unsigned)
    one = Making(about="contains", details=with_more({"entries": True})).files()
    yield lied("export-one-is-true", "the log recorded true where it should say 1", one, wrong)
    early = Making(envelope={"seq": 5}).files()
    yield lied("export-before", "the export calls itself an earlier entry", early, wrong, ("not_included", 0))
    for name, fields in (
        ("type", {"event_type": "log.read"}),
        ("recorder", {"recorder": uuid(901), "recorder_seq": 13}),
        ("actor", {"actor_id": "intern"}),
    ):
        made = Making(envelope={"event": fields}).files()
        yield lied(f"export-{name}", f"the entry is none of the log about this export: {name}", made, wrong)
    for name, log, more in (
        ("elsewhere-unsaid", f"{NAME}~2", {}),
        ("elsewhere-of-another", f"{NAME}~2", {"log": f"{NAME}~3"}),
        ("another-log", "other.example/agents~2", {"log": LOG}),
    ):
        made = Making(envelope={"log": log, "seq": 4}, details=with_more(more)).files()
        yield lied(f"export-{name}", f"the export is recorded elsewhere: {name}", made, wrong)
    line = files["exported.jsonl"]
    for name, content in (
        ("altered-line", line.replace("officer", "auditor", 1)),
        ("altered-time", line.replace("09:00:13.25", "09:00:14.25", 1)),
        ("twice", line + line),
        ("empty", ""),
        ("no-json", line[:-9]),
        ("version-2", line.replace('\\"v\\":1', '\\"v\\":2')),
    ):
        yield lied(f"export-{name}", f"exported.jsonl: {name}", {**files, "exported.jsonl": content}, wrong)
    read = json.loads(line)
    salt, told = read["payload"]["details"]["salt"], read["payload"]["details"]["value"]
    more_said = told.replace("{", '{"approved":true,', 1)
    for name, value in (
        ("altered-details", {**read, "payload": {"details": {"salt": salt, "value": "{}"}}}),
        ("more-details", {**read, "payload": {"details": {"salt": salt, "value": more_said}}}),
        ("other-salt", {**read, "payload": {"details": {"salt": "0" * 64, "value": told}}}),
        ("short-salt", {**read, "payload": {"details": {"salt": salt[:-2], "value": told}}}),
        ("no-details", {key: value for key, value in read.items() if key != "payload"}),
        ("details-withheld", {**{k: v for k, v in read.items() if k != "payload"}, "withheld": ["details"]}),
    ):
        lie = {**files, "exported.jsonl": canonical(value) + "\n"}
        yield lied(f"export-{name}", f"exported.jsonl: {name}", lie, wrong)
    before = canonical(exported_form(log_before().entries[4])) + "\n"
    lie = {**files, "exported.jsonl": before}
    yield lied("export-of-another-entry", "another entry of the log in its place", lie, wrong, ("not_included", 0))


def tree_lies() -> Iterator[Case]:
    """The checkpoint is not this log's, not signed, or the entries are not in its tree."""
    files = honest().files()
    unsigned: Found = ("signature_wrong", 0, "checkpoint.note")
    wrong, apart, elsewhere = ("checkpoint_wrong", 0), ("not_included", 0), ("anchors_wrong", 0)
    text, _, signatures = files["checkpoint.note"].partition("\n\n")
    text += "\n"
    size, root = text.splitlines()[1:]
    for name, old, new, found in (
        ("size", f"\n{size}\n", "\n16\n", (unsigned, apart)),
        ("root", f"{root}\n", base64.b64encode(bytes(32)).decode() + "\n", (unsigned, apart, elsewhere)),
        ("log", "~1\n", "~2\n", (wrong,)),
        ("size-spelling", f"\n{size}\n", f"\n0{size}\n", (wrong,)),
        ("extension", f"{root}\n", f"{root}\nmore\n", (unsigned,)),
        ("dash", "— ", "- ", (wrong,)),
    ):
        yield lied(
            f"checkpoint-{name}", f"checkpoint.note: {name}", swapped(files, "checkpoint.note", old, new), *found
        )
    own_line, cosigned, witnessed = signatures.splitlines()
    for name, at in (("signature", 0), ("cosignature", 1), ("witness", 2)):
        lines = [own_line, cosigned, witnessed]
        raw = bytearray(base64.b64decode(lines[at].split()[-1]))
        raw[-1] ^= 1
        lines[at] = " ".join([*lines[at].split()[:-1], base64.b64encode(raw).decode()])
        lie = {**files, "checkpoint.note": note(text, *(each + "\n" for each in lines))}
        yield lied(f"checkpoint-{name}-changed", f"checkpoint.note: {name} changed", lie, unsigned)
    short = " ".join([*own_line.split()[:-1], base64.b64encode(base64.b64decode(own_line.split()[-1])[:-1]).decode()])
    lie = {**files, "checkpoint.note": note(text, short + "\n")}
    yield lied("checkpoint-signature-short", "a signature that is cut off", lie, unsigned)
    again = {**files, "checkpoint.note": note(text, SECOND.sign(text), SECOND.cosign(text, 0))}
    yield lied("checkpoint-no-time", "a cosignature that states no time", again, unsigned)
    tabbed = Making(noted=lambda told: told + "a\tb\n").files()
    yield lied("checkpoint-control-character", "a checkpoint with a tab in it", tabbed, wrong, elsewhere)
    many = note(text, *[own_line + "\n"] * 65)
    yield lied("checkpoint-65-signatures", "more signatures than a note has", {**files, "checkpoint.note": many}, wrong)
    late = statement("rotated", SECOND, FIRST, f"1 {SIZE}", [FIRST, SECOND])
    made = Making(statements=(ONE, late)).files()
    yield lied("signed-before-its-term", "the key signs only trees that are larger", made, wrong)
    for name, signers in (("old-key", (FIRST,)), ("stranger", (STRANGER,)), ("other-log", (OTHER_LOG,))):
        trust = (SECOND.text(), STRANGER.text())
        made = Making(signers=signers).files()
        yield lied(
            f"signed-by-{name}", f"none of the keys signed it whose tree it is: {name}", made, wrong, trust=trust
        )
    foreign = base64.b64decode(STRANGER.sign(text).split()[2])[4:]
    key_id = base64.b64decode(SECOND.sign(text).split()[2])[:4]
    forged = f"— {NAME} {base64.b64encode(key_id + foreign).decode()}\n"
    lie = {**files, "checkpoint.note": note(text, forged, SECOND.sign(text))}
    yield lied("checkpoint-in-anothers-name", "another key's signature in the name of a trusted one", lie, unsigned)
    proof = json.loads(files["proof.json"])
    hashes = proof["hashes"]
    flipped = f"{int(hashes[0], 16) ^ 1:064x}"
    for name, value in (
        ("hash", {**proof, "hashes": [flipped, *hashes[1:]]}),
        ("hash-dropped", {**proof, "hashes": hashes[1:]}),
        ("hash-added", {**proof, "hashes": [*hashes, hashes[0]]}),
        ("hash-upper-case", {**proof, "hashes": [hashes[0].upper(), *hashes[1:]]}),
        ("reversed", {**proof, "hashes": hashes[::-1]}),
        ("none", {**proof, "hashes": []}),
        ("size", {**proof, "size": 16}),
        ("size-zero", {**proof, "size": 0}),
        ("version", {**proof, "v": 2}),
        ("unknown-key", {**proof, "root": root}),
    ):
        lie = {**files, "proof.json": canonical(value) + "\n"}
        yield lied(f"proof-{name}", f"proof.json: {name}", lie, apart)
    lie = {**files, "proof.json": files["proof.json"].replace(",", ", ")}
    yield lied("proof-spelling", "proof.json in another spelling", lie, apart)
    entries = log_before().entries
    rewritten = entries[8].line.replace('"response"', '"request"')

    def forged_entry(lines: list[Object]) -> list[Object]:
        return [
            {**each, "line": rewritten, "hash": hash_of(rewritten)} if number_of(each) == 9 else each for each in lines
        ]

    made = Making(entries=forged_entry).files()
    yield lied("rewritten-entry", "an entry was rewritten and its hash made to fit", made, apart)
    rewritten_second = entries[1].line.replace("US_SSN:1", "EMAIL:1")

    def forged_second(lines: list[Object]) -> list[Object]:
        return [
            {**each, "line": rewritten_second, "hash": hash_of(rewritten_second)} if number_of(each) == 2 else each
            for each in lines
        ]

    numbered = entries[2].line.replace('"session_seq":3', '"session_seq":4')

    def forged_number(lines: list[Object]) -> list[Object]:
        return [
            {**each, "line": numbered, "hash": hash_of(numbered)} if number_of(each) == 3 else each for each in lines
        ]

    made = Making(entries=forged_number).files()
    gaps: tuple[Found, ...] = (("session_gap", 3), ("session_gap", 6))
    yield lied("rewritten-session", "an entry's number in its session was rewritten", made, *gaps, apart)
    made = Making(entries=forged_second).files()
    yield lied(
        "rewritten-entry-linked", "the same, and the next entry links to the true one", made, ("forked", 3), apart
    )


def key_lies() -> Iterator[Case]:
    """keys.json is no history of this log's keys."""
    wrong: Found = ("keys_wrong", 0)
    files = honest().files()
    back = statement("rotated", FIRST, SECOND, "1 9", [SECOND, FIRST])
    early = statement("rotated", STRANGER, SECOND, "1 5", [SECOND, STRANGER])
    for name, statements in (
        ("not-from-the-first", (ROTATED,)),
        ("order", (ROTATED, ONE)),
        ("two-firsts", (ONE, statement("first", SECOND, None, "1 7", [SECOND]))),
        ("key-comes-back", (ONE, ROTATED, back)),
        ("goes-back", (ONE, ROTATED, early)),
        ("gap", (ONE, statement("rotated", SECOND, STRANGER, "1 7", [STRANGER, SECOND]))),
        ("not-signed-by-the-old", (ONE, statement("rotated", SECOND, FIRST, "1 7", [SECOND]))),
        ("not-signed-by-the-new", (ONE, statement("rotated", SECOND, FIRST, "1 7", [FIRST]))),
        ("lost-signed-by-the-old", (ONE, statement("lost", SECOND, FIRST, "1 7", [FIRST]))),
        ("altered", (ONE, ROTATED.replace("from 1 7", "from 1 8"))),
        ("another-log", (ONE.replace(f"log {NAME}", "log other.example/agents"), ROTATED)),
        ("key-of-another-name", (statement("first", OTHER_LOG, None, "1 0", [OTHER_LOG]),)),
        ("unknown-change", (statement("second", FIRST, None, "1 0", [FIRST]),)),
        ("first-with-previous", (statement("first", SECOND, FIRST, "1 0", [SECOND]),)),
        ("leading-zero", (statement("first", FIRST, None, "1 00", [FIRST]), ROTATED)),
        ("incarnation-zero", (statement("first", FIRST, None, "0 0", [FIRST]), ROTATED)),
        ("no-note", ("unbroken key statement v1\n",)),
    ):  # fmt: skip
        made = Making(statements=statements).files()
        yield lied(f"keys-{name}", f"the key history: {name}", made, wrong)
    value = json.loads(files["keys.json"])
    for name, keys in (
        ("version", {**value, "v": 2}),
        ("unknown-key", {**value, "more": []}),
        ("no-cosigners", {key: each for key, each in value.items() if key != "cosigners"}),
        ("statement-number", {**value, "statements": [1]}),
        ("cosigner-of-another-type", {**value, "cosigners": [WITNESS.text()]}),
        ("cosigner-changed", {**value, "cosigners": [WITNESS.text(4).replace("witness", "witnes")]}),
        ("list", [value]),
    ):
        lie = {**files, "keys.json": canonical(keys) + "\n"}
        yield lied(f"keys-{name}", f"keys.json: {name}", lie, wrong)
    lie = {**files, "keys.json": " " + files["keys.json"]}
    yield lied("keys-spelling", "keys.json in another spelling", lie, wrong)


def anchor_lies() -> Iterator[Case]:
    """anchors.jsonl holds what it should not."""
    wrong: Found = ("anchors_wrong", 0)
    files = honest().files()
    text = files["checkpoint.note"].partition("\n\n")[0] + "\n"
    other = text.replace(text.splitlines()[2], base64.b64encode(bytes(32)).decode())
    elsewhere = text.replace("~1", "~2")
    good = json.loads(files["anchors.jsonl"])
    bad = WITNESS.cosign(other)
    for name, lines, found in (
        ("forked", [receipt(note(other, SECOND.sign(other)))], ("forked", 0)),
        ("another-root", [receipt(note(other, STRANGER.sign(other)))], wrong),
        ("two-of-one-kind", [receipt(text), receipt(text, "file")], wrong),
        ("another-log", [receipt(note(elsewhere, SECOND.sign(elsewhere)))], wrong),
        ("no-note", [receipt(text)], wrong),
        ("unknown-kind", [receipt(files["checkpoint.note"], "blockchain")], wrong),
        ("unknown-key", [{**good, "more": 1}], wrong),
        ("no-base64", [{**good, "proof": "?"}], wrong),
        ("signature", [receipt(note(text, SECOND.sign(other)))], ("signature_wrong", 0, "anchors.jsonl")),
        (
            "witness",
            [receipt(files["checkpoint.note"], "witness", "watch", bad)],
            ("signature_wrong", 0, "anchors.jsonl"),
        ),
        ("witness-nothing", [receipt(files["checkpoint.note"], "witness", "watch", "")], wrong),
    ):
        lie = {**files, "anchors.jsonl": "".join(canonical(each) + "\n" for each in lines)}
        yield lied(f"anchors-{name}", f"anchors.jsonl: {name}", lie, found)
    for name, content in (("spelling", " " + files["anchors.jsonl"]), ("blank-line", "\n"), ("no-json", "{\n")):
        yield lied(f"anchors-{name}", f"anchors.jsonl: {name}", {**files, "anchors.jsonl": content}, wrong)
    trust = (SECOND.text(), SECOND_WITNESS.text(4))
    forged = [receipt(files["checkpoint.note"], "witness", "watch", SECOND_WITNESS.cosign(other))]
    lie = {**files, "anchors.jsonl": canonical(forged[0]) + "\n"}
    found = ("signature_wrong", 0, "anchors.jsonl")
    yield lied(
        "anchors-trusted-witness", "a trusted witness's cosignature is for another tree", lie, found, trust=trust
    )


# ---- lies of the exporter, who can have the log record whatever manifest he makes ----


def exporter_lies() -> Iterator[Case]:
    """Manifest, note and entry fit; what they are about does not."""
    for name, making, found in (
        ("left-out", Making(selected=(1, 2, 3, 9, 12)), [("session_gap", 9)]),
        ("first-left-out", Making(selected=(2, 3, 6, 9, 12)), [("session_gap", 2)]),
        ("put-in", Making(selected=(1, 2, 3, 4, 6, 9, 12)), [("selection_wrong", 4)]),
        ("range-left-out", Making(about="time", selected=(3, 5), with_range=True), [("selection_wrong", 4)]),
        ("range-missing", Making(about="time", selected=(3, 5), with_range=True, without=(4,)), [("missing", 4)]),
        ("range-payload", Making(with_range=True, withheld={4: []}), [("manifest_wrong", 4)]),
        ("selected-missing", Making(without=(12,)), [("missing", 12)]),
        ("beside", Making(beside=(5,)), [("manifest_wrong", 5)]),
        ("beside-withheld", Making(beside=(5,), withheld={5: ["details"]}), [("manifest_wrong", 5)]),
        ("actor", Making(about="actor", selected=(2, 4, 7, 8), beside=(10,)), [("selection_wrong", 2)]),
        ("subject", Making(about="subject", selected=(2, 3, 6)), [("selection_wrong", 6)]),
        ("time-before", Making(about="time", selected=(2, 3, 4, 5)), [("selection_wrong", 2)]),
        ("time-after", Making(about="time", selected=(3, 4, 5, 6)), [("selection_wrong", 6)]),
        ("actions", Making(about="actions", selected=(3, 4, 6, 11)), [("selection_wrong", 4)]),
        ("access", Making(about="access", selected=(3, 6, 11)), [("selection_wrong", 11)]),
        ("actions-agent", Making(about="actions", selected=(2, 3, 6, 11)), [("selection_wrong", 2)]),
        ("contains", Making(about="contains", selected=(2, 4)), [("selection_wrong", 2)]),
        ("errors", Making(about="errors", selected=(8, 9)), [("selection_wrong", 9)]),
        ("log", Making(about="log", selected=tuple(range(1, 12))), [("manifest_wrong", 0)]),
        ("log-from-later", Making(about="log", selected=tuple(range(2, 13))), [("manifest_wrong", 0)]),
        ("upto", Making(upto=11), [("manifest_wrong", 0), ("selection_wrong", 12)]),
        ("erased-unexplained", Making(about="actor"), [("missing", 7, "inputs")]),
        ("withheld-not-committed", Making(withheld={2: ["inputs", "outputs"]}), [("commitment_wrong", 2, "outputs")]),
        ("withheld-beside-missing", Making(withheld={3: ["details"]}, entries=bare_of(3)), [("missing", 3, "inputs")]),
        ("withheld-and-held", Making(entries=marked(2, ["inputs"])), [("unverifiable", 2)]),
        ("withheld-empty", Making(entries=marked(1, [])), [("unverifiable", 1)]),
        (
            "withheld-unsorted",
            Making(withheld={3: ["inputs", "details"]}, entries=marked(3, ["inputs", "details"])),
            [("unverifiable", 3)],
        ),
        ("withheld-unknown", Making(entries=marked(1, ["original"])), [("unverifiable", 1)]),
        ("value", Making(entries=revalued(9)), [("altered_payload", 9, "outputs")]),
        ("planted", Making(entries=planted(12)), [("commitment_wrong", 12, "details")]),
        ("not-erased", Making(about="actor", beside=(10,), entries=revived(7)), [("not_erased", 7)]),
    ):  # fmt: skip
        manifest: Edit = uncounted if found[0][0] == "unverifiable" else same
        yield lied(f"exporter-{name}", f"the exporter lies: {name}", replace(making, manifest=manifest).files(), *found)

    for name, making, lie in disposal_lies():
        yield lied(f"exporter-{name}", f"the exporter lies: {name}", making.files(), *lie)

    for name, asked, found in (
        ("access-type", {"ids": ["visit-17"], "type": "record"}, [("selection_wrong", 3), ("selection_wrong", 6)]),
        ("access-resource", {"ids": ["visit-18"], "type": "visit"}, [("selection_wrong", 3), ("selection_wrong", 6)]),
        ("access-any-type", {"ids": ["visit-18"]}, [("selection_wrong", 3), ("selection_wrong", 6)]),
    ):
        meant = {"kind": "query", "name": "access", "upto": "12", **asked}
        files = Making(about="access", manifest=with_more({"selection": meant})).files()
        yield lied(f"exporter-{name}", f"the exporter lies: {name}", files, *found)


def disposal_lies() -> Iterator[tuple[str, Making, list[Found]]]:
    """What is absent without a disposal's word, or against a hold."""
    actor, lost = Making(about="actor", beside=(10,), tenth=DISPOSED), ("missing", 7, "inputs")
    on_session = held(sessions=["s-2"])
    yield "disposed-unexplained", replace(actor, beside=()), [lost]
    yield "not-disposed", replace(actor, entries=revived(7)), [("not_erased", 7)]
    yield "disposed-kept", replace(actor, tenth=("log.disposed", {**DISPOSED[1], "kept": "4,7"})), [lost]
    yield "disposed-misspelt", replace(actor, tenth=("log.disposed", {**DISPOSED[1], "payloads": "07"})), [lost]
    yield "disposed-as-erasure", replace(actor, tenth=("log.disposed", ERASED[1])), [lost]
    yield "erased-as-disposal", replace(actor, tenth=("log.erased", DISPOSED[1])), [lost]
    announced = replace(actor, tenth=("log.disposing", DISPOSED[1]))
    yield "disposal-announced", announced, [("manifest_wrong", 10), lost]
    yield "held", Making(about="log", fifth=on_session, tenth=DISPOSED), [("held_destroyed", 7)]
    yield "held-erased", Making(about="log", fifth=held(everything=True)), [("held_destroyed", 7)]
    ranged = Making(about="time", selected=(3, 4, 5), with_range=True, fifth=on_session, tenth=DISPOSED)
    yield (
        "held-beside",
        replace(actor, beside=(5, 10), fifth=on_session),
        [("manifest_wrong", 5), ("held_destroyed", 7)],
    )
    yield "disposed-beside-unneeded", replace(ranged, beside=(5, 10, 11)), [("manifest_wrong", 11)]


def uncounted(manifest: Object) -> Object:
    """A manifest that counts nothing as withheld: of an entry that can't be read, nothing is."""
    return {**manifest, "withheld": {}}


def marked(seq: int, names: Sequence[str]) -> Edit:
    """What an entry is said to withhold, whatever it holds."""
    return lambda lines: [{**each, "withheld": list(names)} if number_of(each) == seq else each for each in lines]


def bare_of(seq: int) -> Edit:
    """An entry without its payload."""
    return lambda lines: [
        {key: value for key, value in each.items() if key != "payload"} if number_of(each) == seq else each
        for each in lines
    ]


def _with_part(seq: int, part: str, value: object) -> Edit:
    text = canonical(value)
    held = {"salt": salt_for(f"{uuid(seq)} {part}"), "value": text}
    return lambda lines: [
        {**each, "payload": {**each.get("payload", {}), part: held}} if number_of(each) == seq else each
        for each in lines
    ]


def revalued(seq: int) -> Edit:
    """Another value than the entry commits to."""
    return _with_part(seq, "outputs", {"text": "Not moved."})


def planted(seq: int) -> Edit:
    """A value that the entry does not commit to."""
    return _with_part(seq, "details", {"reason": "the patient asked for it"})


def revived(seq: int) -> Edit:
    """The value that was erased, kept by somebody."""
    return _with_part(seq, "inputs", {"text": "My insurance number is …"})


# ---- the files ----


def cases() -> list[Case]:
    """All vectors."""
    return [
        *valid_cases(), *file_lies(), *manifest_lies(), *export_lies(), *tree_lies(), *key_lies(), *anchor_lies(),
        *exporter_lies(),
    ]  # fmt: skip


def texts() -> dict[str, str]:
    """Each file's text by its name."""
    all_cases = cases()
    base = next(case.files for case in all_cases if case.name == BASE)
    made = {f"{case.name}.json": case.text({} if case.name == BASE else base) for case in all_cases}
    if len(made) != len(all_cases):
        raise ValueError("two vectors have one name")
    return made


def write(target: Path) -> int:
    """Write the folder anew; returns how many vectors it has."""
    made = texts()
    target.mkdir(exist_ok=True)
    for old in target.glob("*.json"):
        old.unlink()
    for name, text in made.items():
        (target / name).write_text(text, encoding="utf-8", newline="\n")
    return len(made)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors-bundle"
    print(f"{write(target)} vectors in {target}")
