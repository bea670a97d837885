"""The vectors of evidence bundles, and the modules of spec/ that read and make them."""

import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.conformance.test_spec_vectors import SPEC, load, verify
from unbroken.cli.trust import trusted
from unbroken.verify.bundle.run import verify_bundle
from unbroken.verify.bundle.trust import Trust

FOLDER = SPEC / "vectors-bundle"
PATHS = sorted(FOLDER.glob("*.json"))

Place = tuple[str, int, str | None]


@dataclass(frozen=True)
class Vector:
    files: Mapping[str, bytes]
    trust: list[str]
    verdict: str
    findings: list[Place]


@cache
def read(name: str) -> Vector:
    """The vector of this name, the files of the one that it is told about filled in."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    base: Mapping[str, bytes] = read(content.pop("of")).files if "of" in content else {}
    assert content.keys() == {"description", "trust", "verdict", "findings", "files"}
    changed = {each: text.encode() for each, text in content["files"].items() if text is not None}
    files = {each: raw for each, raw in base.items() if each not in content["files"]} | changed
    findings = [(each["kind"], each["seq"], each.get("part")) for each in content["findings"]]
    return Vector(files, content["trust"], content["verdict"], findings)


def in_order(places: list[Place]) -> list[tuple[int, str, str]]:
    return sorted((seq, kind, part or "") for kind, seq, part in places)


def as_archive(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return path


def as_folder(files: Mapping[str, bytes], path: Path) -> Path:
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for name, raw in files.items():
        (path / name).write_bytes(raw)
    return path


def independent(path: Path, trust: list[str]) -> tuple[str, list[Place]]:
    report = verify.verify_bundle(path, verify.read_trust(trust))
    return report.verdict, [(each.kind, each.seq, each.part) for each in report.findings]


def packaged(path: Path, trust: list[str]) -> tuple[str, list[Place]]:
    keys = trusted(trust)
    report = verify_bundle(path, Trust(keys.keys, keys.cosigners))
    return report.verdict, [(each.kind, each.seq, each.part) for each in report.findings]


def makers() -> ModuleType:
    """spec/make_bundle_vectors.py; as a script it finds its neighbours beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SPEC))
        try:
            return load("make_bundle_vectors")
        finally:
            for name in ("make_vectors", "make_tree_vectors"):
                sys.modules.pop(name, None)
