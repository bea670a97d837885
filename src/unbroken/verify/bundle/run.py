"""Verifying one bundle, from the file to the verdict (spec/EVIDENCE.md)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from unbroken.core.canonical import canonical
from unbroken.core.tree.verifying import verify_multiproof
from unbroken.errors import NoteError, ProofError
from unbroken.verify.bundle import files as bundles
from unbroken.verify.bundle.anchored import ANCHORS, Anchored
from unbroken.verify.bundle.checkpointed import CHECKPOINT, KEYS, Checkpointed, Keys
from unbroken.verify.bundle.entries import Entries
from unbroken.verify.bundle.export_told import NOTE, TOLD, Told, check_signature, told_in
from unbroken.verify.bundle.files import ALWAYS, MANIFEST, PROVING, SIGNED, Files, Lines, UnreadableError, whole
from unbroken.verify.bundle.manifest import LISTED, MAX_MANIFEST_BYTES, Manifest, manifest_of
from unbroken.verify.bundle.report import BundleReport, Held, Noted, Verdict
from unbroken.verify.bundle.trust import Trust
from unbroken.verify.export import MAX_EXPORT_BYTES
from unbroken.verify.finding import MAX_FINDINGS, Accounted, FindingList
from unbroken.verify.strict_json import strict

ENTRIES, *OTHERS = LISTED
PROOF: Final = PROVING[1]
MAX_KEYS_BYTES: Final = 16 << 20
MAX_CHECKPOINT_BYTES: Final = 64 << 10
MAX_PROOF_BYTES: Final = 512 << 20
MAX_RECEIPT_BYTES: Final = 1 << 20
MAX_BEYOND: Final = 64 << 20
"""Bytes that are read of a file beyond those that the manifest states."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes of entries that were checked and how many there are."""


def verify_bundle(path: Path, trust: Trust, *, progress: Progress = lambda _done, _of: None) -> BundleReport:
    """What the bundle at ``path``, a ZIP archive or a folder, shows to whoever trusts ``trust``.

    Raises ``OSError`` where there is nothing at ``path`` that can be opened. Memory grows with the number of entries by
    some hundred bytes for each.
    """
    run = _Run(trust, progress)
    try:
        with bundles.opened(path) as files:
            run.verify(files)
    except UnreadableError as error:
        # What was found before may be of the damage, too.
        run = _Run(trust, progress)
        run.noted.find("unverifiable", "", expected="a bundle of version 1", found=str(error))
    return run.report()


@dataclass(slots=True)
class _Run:
    trust: Trust
    progress: Progress
    noted: Noted = field(default_factory=Noted)
    manifest: Manifest | None = None
    entries: Entries | None = None
    told: Told | None = None
    checkpointed: Checkpointed | None = None
    proof: bool = False
    anchors: tuple[Held, ...] = ()

    def verify(self, files: Files) -> None:
        """Everything that the files show; a file that can't be read ends it."""
        if MANIFEST not in files.names:
            self._require(files, (MANIFEST,))
            return
        raw = whole(files, MANIFEST, limit=MAX_MANIFEST_BYTES)
        manifest = self._manifest(raw)
        if manifest is None:
            return
        self.manifest, self.noted.log = manifest, manifest.log
        digest = sha256(raw).hexdigest()
        for names in (ALWAYS, *(pair for pair in (SIGNED, PROVING) if not files.names.isdisjoint(pair))):
            self._require(files, names)
        self._check_others(files, manifest)
        entries = self._check_entries(files, manifest)
        self._check_export(files, manifest, entries, sha256=digest)
        self._check_checkpoint(files, manifest)
        self._check_proof(files, entries)

    def report(self) -> BundleReport:
        """The verdict, and what it rests on."""
        lists = [self.noted.findings, *([] if self.entries is None else [self.entries.chain.findings])]
        kept = sorted((finding for each in lists for finding in each.kept), key=lambda finding: finding.seq)
        shown = self.checkpointed
        return BundleReport(
            verdict=self._verdict(lists),
            manifest=self.manifest,
            findings=tuple(kept[:MAX_FINDINGS]),
            findings_total=sum(each.total for each in lists),
            accounted=Accounted() if self.entries is None else self.entries.accounted,
            exported_seq=None if self.told is None else self.told.seq,
            elsewhere=self.told is not None and not self.told.here,
            checkpoint=None if shown is None else shown.shown,
            proof=self.proof,
            signed=() if shown is None else tuple(shown.signed),
            witnessed=() if shown is None else tuple(shown.witnessed),
            anchors=self.anchors,
        )

    def _verdict(self, lists: Sequence[FindingList]) -> Verdict:
        if any(each.total for each in lists):
            return "unverifiable" if all(each.only_unverifiable for each in lists) else "findings"
        if self.told is None or not self.told.here or not self.proof or self.checkpointed is None:
            return "consistent"
        return "proven" if self.checkpointed.is_trusted else "origin unproven"

    def _require(self, files: Files, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in files.names:
                self.noted.find("altered_file", name, expected="this file", found="none")

    def _manifest(self, raw: bytes) -> Manifest | None:
        try:
            return manifest_of(raw)
        except ValueError as error:
            wanted = "the manifest of a bundle of version 1"
            if _is_other_version(raw):
                self.noted.find("unverifiable", MANIFEST, expected=wanted, found="a version that is not known here")
            else:
                self.noted.find("manifest_wrong", MANIFEST, expected=wanted, found=str(error))
            return None

    def _check_others(self, files: Files, manifest: Manifest) -> None:
        """That the files which nothing is read from are those that the manifest lists."""
        for name in OTHERS:
            if name not in files.names:
                continue
            digest, size = sha256(), 0
            for chunk in files.chunks(name):
                digest.update(chunk)
                size += len(chunk)
                if size > manifest.files[name].bytes:
                    break
            self._require_same(name, manifest, size=size, digest=digest.hexdigest())

    def _check_entries(self, files: Files, manifest: Manifest) -> Entries:
        entries = self.entries = Entries(manifest)
        if ENTRIES not in files.names:
            return entries
        lines = Lines(files, ENTRIES, longest=MAX_EXPORT_BYTES)
        entries.follow(self._told_of(lines, manifest.files[ENTRIES].bytes))
        self._require_same(ENTRIES, manifest, size=lines.bytes, digest=lines.sha256)
        self._check_word(manifest, entries)
        return entries

    def _check_word(self, manifest: Manifest, entries: Entries) -> None:
        """What the manifest says of all entries together."""
        selection, selected = manifest.chosen, [*map(tuple, manifest.selected)]
        counted = {part: number for part, number in entries.withheld.items() if number}
        wrong = [
            what
            for what, is_so in (
                (f"{manifest.entries} entries", manifest.entries == entries.chain.entries),
                ("how much is withheld", dict(manifest.withheld) == counted),
                ("what was looked at", manifest.range[1] <= selection.upto),
                ("what was selected", selection.kind != "log" or selected == [(1, selection.upto)]),
            )
            if not is_so
        ]
        if wrong:
            found = f"a manifest that is wrong about {', '.join(wrong)}"
            self.noted.find("manifest_wrong", MANIFEST, expected="what the files hold", found=found)

    def _told_of(self, lines: Lines, size: int) -> Iterator[str]:
        for line in lines:
            yield line
            self.progress(lines.bytes, size)
            if lines.bytes > size + MAX_BEYOND:
                # Whatever it is, it is not what was exported, and may be without an end.
                raise UnreadableError(f"{ENTRIES} is far longer than the manifest says")

    def _require_same(self, name: str, manifest: Manifest, *, size: int, digest: str) -> None:
        listed = manifest.files[name]
        if (size, digest) != (listed.bytes, listed.sha256):
            self.noted.find(
                "altered_file", name, expected=f"{listed.bytes} bytes, SHA-256 {listed.sha256}", found="another content"
            )

    def _check_export(self, files: Files, manifest: Manifest, entries: Entries, *, sha256: str) -> None:
        if TOLD not in files.names:
            return
        lines = list(Lines(files, TOLD, longest=MAX_EXPORT_BYTES))
        if len(lines) != 1:
            self.noted.find("export_wrong", TOLD, expected="one entry", found=f"{len(lines)} lines")
            return
        after = max(entries.leaves, default=0)
        told = self.told = told_in(lines[0], manifest, sha256=sha256, after=after, noted=self.noted)
        if told is not None and told.key is not None and NOTE in files.names:
            signed = whole(files, NOTE, limit=MAX_CHECKPOINT_BYTES)
            check_signature(signed, manifest, told.key, sha256=sha256, noted=self.noted)

    def _check_checkpoint(self, files: Files, manifest: Manifest) -> None:
        keys = self._keys(files, manifest)
        if CHECKPOINT in files.names:
            raw = whole(files, CHECKPOINT, limit=MAX_CHECKPOINT_BYTES)
            self.checkpointed = Checkpointed.read(raw, keys, log=manifest.log, noted=self.noted)
        if ANCHORS in files.names:
            lines = Lines(files, ANCHORS, longest=MAX_RECEIPT_BYTES)
            anchored = Anchored(manifest.log, keys, self.checkpointed, self.noted)
            anchored.take(line.encode("utf-8", "surrogateescape") for line in lines)
            self.anchors = tuple(anchored.held)

    def _keys(self, files: Files, manifest: Manifest) -> Keys:
        try:
            if KEYS in files.names:
                return Keys.read(whole(files, KEYS, limit=MAX_KEYS_BYTES), self.trust, manifest.log)
        except NoteError as error:
            self.noted.find("keys_wrong", KEYS, expected="the history of the log's keys", found=str(error))
        return Keys.trusted_alone(self.trust, manifest.log)

    def _check_proof(self, files: Files, entries: Entries) -> None:
        unreadable = entries.is_broken or (TOLD in files.names and self.told is None)
        if self.checkpointed is None or PROOF not in files.names or unreadable:
            return
        checkpoint, known = self.checkpointed.checkpoint, entries.leaves
        if self.told is not None and self.told.here:
            known = {**known, self.told.seq: self.told.hash}
        leaves = [(seq - 1, known[seq]) for seq in sorted(known)]
        try:
            proof = _proof_of(whole(files, PROOF, limit=MAX_PROOF_BYTES), checkpoint.size)
            verify_multiproof(leaves, size=checkpoint.size, root=checkpoint.root, proof=proof)
        except (ProofError, ValueError) as error:
            self.noted.find("not_included", PROOF, expected="every entry in the checkpoint's tree", found=str(error))
            return
        self.proof = True


class _Proof(msgspec.Struct, forbid_unknown_fields=True):
    hashes: list[str]
    size: int
    v: int


def _proof_of(raw: bytes, size: int) -> list[bytes]:
    """The hashes of ``proof.json``; raises ``ValueError`` where it has not its form, or is one for another tree."""
    try:
        read = msgspec.json.decode(raw, type=_Proof)
        again = canonical(msgspec.json.decode(msgspec.json.encode(read))) + b"\n"
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError("this is no proof of version 1") from error
    if read.v != 1 or again != raw:
        raise ValueError("a proof of another version, or in another spelling than its one")
    if read.size != size:
        raise ValueError(f"a proof for a tree of {read.size} entries, where the checkpoint has {size}")
    hashes = [bytes.fromhex(text) for text in read.hashes]
    if [each.hex() for each in hashes] != read.hashes:
        raise ValueError("hashes that are not written in lower-case hex")
    return hashes


def _is_other_version(raw: bytes) -> bool:
    """Whether this is a manifest of a version not known here, rather than something that never was one."""
    try:
        value = strict(raw.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and type(value.get("v")) is int and value["v"] != 1
