"""What holds a bundle may be damaged, or made to do harm: both verifiers can't read it, and say nothing else."""

import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.bundles import Place, as_archive, as_folder, independent, packaged, read

BASE = read("valid-session")
UNREADABLE = ("unverifiable", [("unverifiable", 0, None)])
Verifier = Callable[[Path, list[str]], tuple[str, list[Place]]]

both_verifiers = pytest.mark.parametrize("verifier", [independent, packaged])


def said(verifier: Verifier, path: Path) -> tuple[str, list[Place]]:
    return verifier(path, BASE.trust)


def with_another(path: Path, name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive with one more file, whatever its name."""
    as_archive(BASE.files, path)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a", method) as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, content)
    return path


@both_verifiers
@pytest.mark.parametrize("name", ["manifest.json", "more.txt", "folder/", "../keys.json", "/keys.json", "KEYS.JSON"])
def test_a_name_twice_or_one_that_no_bundle_has(name: str, verifier: Verifier, tmp_path: Path) -> None:
    assert said(verifier, with_another(tmp_path / "bundle.zip", name, b"")) == UNREADABLE


@both_verifiers
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_otherwise(method: int, verifier: Verifier, tmp_path: Path) -> None:
    files = {name: raw for name, raw in BASE.files.items() if name != "LIMITS.md"}
    path = as_archive(files, tmp_path / "bundle.zip")
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("LIMITS.md", BASE.files["LIMITS.md"])
    assert said(verifier, path) == UNREADABLE


@both_verifiers
def test_what_is_encrypted(verifier: Verifier, tmp_path: Path) -> None:
    path = as_archive(BASE.files, tmp_path / "bundle.zip")
    raw = bytearray(path.read_bytes())
    # The flags of the first file in the central directory.
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert said(verifier, path) == UNREADABLE


@both_verifiers
def test_what_is_cut_off_or_no_archive(verifier: Verifier, tmp_path: Path) -> None:
    path = as_archive(BASE.files, tmp_path / "bundle.zip")
    raw = path.read_bytes()
    for damaged in (raw[: len(raw) // 2], raw[:-30], b"", b"PK", b"\x00" * 1000):
        path.write_bytes(damaged)
        assert said(verifier, path) == UNREADABLE


@both_verifiers
def test_what_does_not_unpack_to_what_it_says(verifier: Verifier, tmp_path: Path) -> None:
    """Bytes that are damaged on the way: the archive's own sum is no evidence, but tells that nothing can be said."""
    path = as_archive(BASE.files, tmp_path / "bundle.zip")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("entries.jsonl").header_offset
    raw = bytearray(path.read_bytes())
    raw[place + 30 + len("entries.jsonl") + 40] ^= 0x10
    path.write_bytes(raw)
    assert said(verifier, path) == UNREADABLE


@both_verifiers
def test_what_unpacks_to_more_than_anybody_reads(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in BASE.files.items():
            archive.writestr(name, raw if name != "manifest.json" else b" " * (80 << 20))
    assert path.stat().st_size < 1 << 20
    verdict, findings = said(verifier, path)
    assert (verdict, len(findings)) in {("unverifiable", 1), ("findings", 1)}


@both_verifiers
def test_times_and_order_are_no_evidence(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(BASE.files, reverse=True):
            info = zipfile.ZipInfo(name, (2030, 1, 1, 0, 0, 0))
            info.extra = struct.pack("<HH", 0xCAFE, 0)
            archive.writestr(info, BASE.files[name])
    assert said(verifier, path) == ("proven", [])


@both_verifiers
def test_what_programs_may_read_differently(verifier: Verifier, tmp_path: Path) -> None:
    path = as_archive(BASE.files, tmp_path / "bundle.zip")
    raw = path.read_bytes()
    for changed in (b"before" + raw, raw + b"behind", raw[:-2] + b"\x06\x00behind", raw + raw):
        path.write_bytes(changed)
        assert said(verifier, path) == UNREADABLE


@both_verifiers
def test_a_folder_with_something_else_in_it(verifier: Verifier, tmp_path: Path) -> None:
    folder = as_folder(BASE.files, tmp_path / "bundle")
    (folder / ".DS_Store").write_bytes(b"a file manager's")
    assert said(verifier, folder) == ("proven", [])
    (folder / "more").mkdir()
    assert said(verifier, folder) == UNREADABLE
    (folder / "more").rmdir()
    (folder / "notes.txt").write_text("mine")
    assert said(verifier, folder) == UNREADABLE
