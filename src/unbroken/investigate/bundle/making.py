"""Making a bundle, from the question to one archive or folder that its own verifier finds nothing wrong with."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final, Self

from unbroken.core.canonical import canonical
from unbroken.core.entry import StoredEntry
from unbroken.core.note import SigningKey
from unbroken.core.times import format_time
from unbroken.errors import UnbrokenError
from unbroken.files import sync_folder
from unbroken.investigate.bundle import archive, contents, proving
from unbroken.investigate.bundle.contents import Contents, Plan, Progress, Shown
from unbroken.investigate.bundle.limits import limits_of
from unbroken.investigate.bundle.proving import Covering, Served
from unbroken.investigate.bundle.verifiers import NAMES as VERIFIERS
from unbroken.investigate.bundle.verifiers import verifier
from unbroken.investigate.export_form import export_form
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader, Ticket
from unbroken.verify.bundle.manifest import LISTED, Exported, File, Manifest, signed
from unbroken.verify.bundle.report import BundleReport
from unbroken.verify.bundle.run import verify_bundle
from unbroken.verify.bundle.trust import Trust

_ORDER: Final = ("manifest.json", "manifest.note", "exported.jsonl", "checkpoint.note", "proof.json", "keys.json",
                 "anchors.jsonl", *LISTED)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exporting:
    """Who exports, what for and under which ticket, with the key that signs for them; ``None`` makes a draft.

    ``about`` is what the log's entry of the export says beside the kind, with names of people as keyed pseudonyms.
    """

    by: str
    purpose: str
    case: str | None
    ticket: Ticket
    software: str
    key: SigningKey | None
    about: Mapping[str, str] = field(default_factory=dict)


class Bundle:
    """One bundle in the making, in a folder of its own beside where it is going to be, for its owner's eyes alone.

    A context manager: what was not put in its place is removed at the end. ``telling`` reads the log's newest
    incarnation: what is done with an earlier one is told there. ``exported`` is the entry that tells of this bundle,
    and ``asked_to_record`` whether there may be one, also where the answer did not come.
    """

    exported: int | None = None
    asked_to_record: bool = False

    def __init__(self, target: Path, plan: Plan, reader: LogReader, *, telling: LogReader) -> None:
        self._target = target
        self._plan = plan
        self._reader = reader
        self._telling = telling
        self._checkpoints = Checkpoints(reader.connection, reader.log)

    def __enter__(self) -> Self:
        self._work = Path(mkdtemp(prefix=f".{self._target.name}.", suffix=".part", dir=self._target.parent))
        self._folder = self._work / "bundle"
        self._folder.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            rmtree(self._work)

    def read(self, shown: Shown, progress: Progress) -> Contents:
        """Reads and verifies the entries, and writes them down. With findings nothing should be handed out."""
        return contents.written(self._folder, self._plan, self._reader, shown=shown, progress=progress)

    def told(self, found: Contents, exporting: Exporting) -> Manifest:
        """The manifest; unless it is a draft, the log has an entry of this export now."""
        listed = found.files | self._written_texts(exporting)
        manifest = Manifest(
            log=self._reader.log,
            software=exporting.software,
            exported=Exported(
                at=format_time(datetime.now(UTC)),
                by=exporting.by,
                duty=exporting.ticket.duty,
                purpose=exporting.purpose,
                case=exporting.case,
                ticket=exporting.ticket.id,
            ),
            selection=self._plan.selection.said(),
            selected=[*self._plan.selected],
            with_range=self._plan.with_range,
            entries=len(found.seqs),
            withheld={part: number for part, number in found.withheld.items() if number},  # type: ignore[misc]
            files=listed,
        )
        self._write("manifest.json", manifest.text)
        if exporting.key is not None:
            self._record(manifest, exporting, exporting.key)
        return manifest

    def prove(
        self, found: Contents, *, seconds: float, served: Served, progress: Progress,
        cosigners: Sequence[str] = (),
    ) -> Covering | None:  # fmt: skip
        """Waits for a checkpoint that covers all entries, and adds what it proves; ``None`` where none came."""
        elsewhere = self._telling.log != self._reader.log
        seqs = found.seqs if self.exported is None or elsewhere else [*found.seqs, self.exported]
        covering = proving.awaited(self._checkpoints, seqs[-1], seconds=seconds, progress=progress)
        files = {"anchors.jsonl": b"", "keys.json": proving.keys_of(self._checkpoints, cosigners)}
        if covering is not None:
            files |= proving.files_of(covering, seqs, self._checkpoints, served)
        for name, content in files.items():
            self._write(name, content)
        return covering

    def place(self, *, packed: bool, progress: Progress) -> BundleReport:
        """Puts the bundle where it belongs, once its own verifier has found nothing wrong with it.

        With findings nothing is put there.
        """
        ready = self._folder
        if packed:
            ready = self._work / "bundle.zip"
            archive.pack(self._folder, [name for name in _ORDER if (self._folder / name).exists()], ready)
        report = verify_bundle(ready, Trust(), progress=progress)
        if not report.findings_total:
            ready.rename(self._target)
            sync_folder(self._target.parent)
        return report

    def _written_texts(self, exporting: Exporting) -> dict[str, File]:
        limits = limits_of(
            self._plan.selection,
            log=self._reader.log,
            with_range=self._plan.with_range,
            withheld=sorted(self._plan.withheld),
            draft=exporting.key is None,
        )
        texts = {"LIMITS.md": limits.encode(), **{name: verifier(name) for name in VERIFIERS}}
        for name, content in texts.items():
            self._write(name, content)
        return {name: File(len(content), sha256(content).hexdigest()) for name, content in texts.items()}

    def _record(self, manifest: Manifest, exporting: Exporting, key: SigningKey) -> None:
        digest = sha256(manifest.text).hexdigest()
        self._write("manifest.note", signed(manifest, key, sha256=digest).encode())
        details = {
            "manifest_sha256": digest,
            "key": str(key.verifier),
            "entries": manifest.entries,
            "selection": {**exporting.about, "kind": self._plan.selection.kind, "upto": str(self._plan.selection.upto)},
        }
        self.asked_to_record = True
        seq = self.exported = self._checkpoints.record_export(exporting.ticket.id, details)
        entry = self._telling.entry(seq)
        if entry is None:
            raise UnbrokenError(f"the entry {seq}, which tells of this export, can't be read: run `unbroken verify`")
        self._write("exported.jsonl", _line(entry))

    def _write(self, name: str, content: bytes) -> None:
        (self._folder / name).write_bytes(content)


def _line(entry: StoredEntry) -> bytes:
    return canonical(export_form(entry)) + b"\n"
