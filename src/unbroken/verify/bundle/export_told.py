"""The entry that tells of the export, and the manifest that is signed by the key which that entry names."""

from dataclasses import dataclass
from typing import Any

from unbroken.core import note
from unbroken.core.commitment import opens
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError, NoteError
from unbroken.verify.bundle.files import SIGNED
from unbroken.verify.bundle.manifest import Manifest, statement_of
from unbroken.verify.bundle.report import Noted
from unbroken.verify.examine import Broken
from unbroken.verify.export import read_exported
from unbroken.verify.strict_json import strict

NOTE, TOLD = SIGNED
EXPORTED = "log.exported"


@dataclass(frozen=True, slots=True)
class Told:
    """The entry that ``exported.jsonl`` holds, intact; ``here`` unless it is one of a later incarnation of the log.

    ``key`` is the one that it names, ``None`` where it is no entry of this export.
    """

    seq: int
    hash: bytes
    here: bool
    key: VerifierKey | None


def told_in(text: str, manifest: Manifest, *, sha256: str, after: int, noted: Noted) -> Told | None:
    """The entry, held against the manifest; ``None`` where it can't be believed. ``after`` is the last one exported."""
    exported = read_exported(text)
    if isinstance(exported.step, Broken) or exported.entry is None:
        found = exported.step.fault.found if isinstance(exported.step, Broken) else "none"
        noted.find("export_wrong", TOLD, expected="one intact entry", found=found)
        return None
    entry = exported.entry
    details = _details(entry)
    wrong = _wrong(entry, decode_event(entry.event), details, manifest=manifest, sha256=sha256, after=after)
    if wrong is not None:
        noted.find("export_wrong", TOLD, expected="the log's own entry about this export", found=wrong)
    return Told(entry.seq, entry.hash, entry.log == manifest.log, _key(details) if wrong is None else None)


def check_signature(signed: bytes, manifest: Manifest, key: VerifierKey, *, sha256: str, noted: Noted) -> None:
    """That the key which the log names for this export signed this manifest."""
    try:
        text, _ = note.verified(signed, [key])
    except NoteError as error:
        noted.find("signature_wrong", NOTE, expected="a signature of the key that log.exported names", found=str(error))
        return
    if text != statement_of(manifest.log, sha256):
        noted.find("signature_wrong", NOTE, expected="a signature of this manifest", found="one of another text")


def _wrong(
    entry: StoredEntry, event: Event, details: dict[str, Any] | None, *, manifest: Manifest, sha256: str, after: int
) -> str | None:
    """What speaks against it that the entry tells of this export."""
    if event.event_type != EXPORTED or event.recorder is not None:
        return "another entry"
    if details is None:
        return "an entry without details that fit it"
    if entry.log != manifest.log and not _goes_on(entry.log, manifest.log, details):
        return "an entry of another log"
    if entry.log == manifest.log and entry.seq <= after:
        return "an entry before those that were exported"
    chosen = details.get("selection")
    said = {
        "manifest_sha256": sha256,
        "ticket": manifest.exported.ticket,
        "entries": manifest.entries,
    }
    # Python has True equal to 1, and JSON has not.
    differing = [name for name, value in said.items() if details.get(name) != value or details.get(name) is True]
    if not isinstance(chosen, dict) or chosen.get("kind") != manifest.selection.get("kind"):
        differing.append("selection")
    if event.actor_id != manifest.exported.by:
        differing.append("who exported")
    if _key(details) is None:
        differing.append("key")
    return f"another {', '.join(differing)}" if differing else None


def _details(entry: StoredEntry) -> dict[str, Any] | None:
    """What the entry's details say, where they match its commitment."""
    part, event = entry.parts.get("details"), decode_event(entry.event)
    if part is None or event.details is None or not opens(event.details, salt=part.salt, value=part.value):
        return None
    try:
        said = strict(part.value.decode())
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _goes_on(log: str, before: str, details: dict[str, Any]) -> bool:
    """Whether ``log`` is a later incarnation that tells of an export from an earlier one, which takes no entries."""
    origin, _, later = log.rpartition("~")
    same, _, earlier = before.rpartition("~")
    return origin == same and (len(later), later) > (len(earlier), earlier) and details.get("log") == before


def _key(details: dict[str, Any] | None) -> VerifierKey | None:
    try:
        return VerifierKey.from_text(str((details or {}).get("key")))
    except ConfigurationError:
        return None
