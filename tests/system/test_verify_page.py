"""spec/verify.html in a real browser: the vectors, what a person sees, and that nothing leaves the page."""

import hashlib
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.bundles import (
    PATHS,
    Vector,
    as_archive,
    as_folder,
    in_order,
    independent,
    makers,
    packaged,
    read,
)
from tests.conformance.test_spec_vectors import SPEC, load, verify
from tests.system.browsing import Page, browser

PAGE = SPEC / "verify.html"
BASE = read("valid-session")

make_sums = load("make_sums")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from browser()


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Page]:
    opened = Page(chromium, PAGE)
    yield opened
    opened.close()


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the words in which it says what was expected and found."""
    findings = [(each["kind"], each["seq"], each["part"] or "", each["session"] or "") for each in report["findings"]]
    return {**report, "findings": sorted(findings)}


def by_script(vector: Vector, folder: Path) -> dict[str, Any]:
    """What verify.py reports of the same files."""
    path = as_folder(vector.files, folder)
    report: dict[str, Any] = json.loads(json.dumps(asdict(verify.verify_bundle(path, verify.read_trust(vector.trust)))))
    return report


# ---- the same verdicts ----


@pytest.mark.parametrize("name", [path.stem for path in PATHS])
def test_the_page_says_what_the_vector_demands_and_the_script_says(name: str, page: Page, tmp_path: Path) -> None:
    vector = read(name)
    report = page.verify(vector.files, vector.trust)
    findings = [(each["kind"], each["seq"], each["part"]) for each in report["findings"]]
    assert (report["verdict"], in_order(findings)) == (vector.verdict, in_order(vector.findings))
    assert comparable(report) == comparable(by_script(vector, tmp_path / "bundle"))


def test_page_and_script_agree_on_damage_of_every_kind(page: Page, tmp_path: Path) -> None:
    pieces = [
        b"{",
        b'"',
        b"[" * 600,
        b"\\ud800",
        b"\xff",
        b"\x00",
        b"\n",
        b"9" * 50,
        b"-1",
        b"1.0",
        b"~",
        b"\xc2\x85",
        b"",
    ]
    verdicts = set()
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, nothing secret
        name = chance.choice(sorted(BASE.files))
        raw = BASE.files[name]
        at, length = chance.randrange(len(raw) + 1), chance.choice([0, 1, 7, 90])
        damaged = Vector(
            {**BASE.files, name: raw[:at] + chance.choice(pieces) + raw[at + length :]}, BASE.trust, "", []
        )
        ours, theirs = page.verify(damaged.files, damaged.trust), by_script(damaged, tmp_path / "bundle")
        assert comparable(ours) == comparable(theirs), (seed, name)
        verdicts.add(ours["verdict"])
    assert {"findings", "proven"} <= verdicts


def test_page_and_script_agree_on_export_vectors(page: Page, tmp_path: Path) -> None:
    """The lines of every vector for exports, as entries of a bundle: hundreds of ways in which a line can be wrong."""
    manifest = BASE.files["manifest.json"]
    for path in sorted((SPEC / "vectors").glob("*.json")):
        lines = "".join(line + "\n" for line in json.loads(path.read_text(encoding="utf-8"))["lines"])
        files = {**BASE.files, "entries.jsonl": lines.encode("utf-8", "surrogatepass"), "manifest.json": manifest}
        vector = Vector(files, BASE.trust, "", [])
        assert comparable(page.verify(files, BASE.trust)) == comparable(by_script(vector, tmp_path / "bundle")), (
            path.stem
        )


def test_signatures_are_verified_as_wycheproof_demands(page: Page) -> None:
    vectors = SPEC.parents[1] / "shared" / "conformance" / "wycheproof" / "testvectors_v1" / "ed25519_test.json"
    if not vectors.is_file():
        pytest.skip("the shared conformance vectors are not beside the checkout")
    cases = [
        [group["publicKey"]["pk"], case["msg"], case["sig"], case["result"] == "valid"]
        for group in json.loads(vectors.read_text(encoding="utf-8"))["testGroups"]
        for case in group["tests"]
    ]
    said = page.tab.evaluate(
        "(cases) => Promise.all(cases.map(([k, m, s]) => verifyEd25519(bytesOf(k), bytesOf(m), bytesOf(s))))", cases
    )
    assert said == [case[-1] for case in cases]
    assert (len(cases), said.count(True)) == (151, 88)
    # What the browser itself says is asked as well, where it knows how: without it the page's own arithmetic stands.
    native = page.tab.evaluate(
        "(cases) => Promise.all(cases.map(([k, m, s]) => nativeEd25519(bytesOf(k), bytesOf(m), bytesOf(s))))", cases[:3]
    )
    assert native == [case[-1] for case in cases[:3]]


# ---- as a person uses it ----


def test_a_good_bundle_is_proven_from_the_archive_and_from_its_files(page: Page, tmp_path: Path) -> None:
    archive = as_archive(BASE.files, tmp_path / "bundle.zip")
    assert page.check(archive, BASE.trust)["verdict"] == "proven"
    assert "Proven" in page.text("#verdict")
    folder = as_folder(BASE.files, tmp_path / "bundle")
    assert page.check(sorted(folder.iterdir()), BASE.trust)["verdict"] == "proven"


def test_without_a_key_the_origin_is_unproven_and_the_page_says_what_to_do(page: Page, tmp_path: Path) -> None:
    archive = as_archive(BASE.files, tmp_path / "bundle.zip")
    assert page.check(archive, [])["verdict"] == "origin unproven"
    assert "Enter the log's key" in page.text("#verdict")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fail-entries-value", "The content of this record is not what it was"),
        ("fail-entries-dropped", "Records of this session are missing"),
        ("fail-file-entries.csv", "entries.csv"),
        ("fail-signed-by-stranger", "none of the keys that may sign it has signed it"),
        ("fail-exporter-put-in", "does not belong to what was asked for"),
        ("fail-proof-hash", "in the signed state of the log"),
        ("fail-manifest-purpose", "nobody vouches"),
    ],
)
def test_a_tampered_bundle_is_rejected_in_words(name: str, said: str, page: Page, tmp_path: Path) -> None:
    vector = read(name)
    assert page.check(as_archive(vector.files, tmp_path / "bundle.zip"), vector.trust)["verdict"] == "findings"
    assert "Something is wrong" in page.text("#verdict")
    assert said in page.text("#result")


def test_what_was_withheld_erased_and_disposed_of_is_told_apart(page: Page, tmp_path: Path) -> None:
    erased, withheld, disposed = read("valid-actor"), read("valid-withheld"), read("valid-disposed")
    page.check(as_archive(disposed.files, tmp_path / "disposed.zip"), disposed.trust)
    assert "what went in: disposed of when its time was over, as the log itself declares" in page.text("#result")
    assert "the content of 1 record, as its time was over" in page.text("#result")
    assert "erased, as" not in page.text("#result")
    page.check(as_archive(erased.files, tmp_path / "erased.zip"), erased.trust)
    assert "what went in: erased, as the log itself declares" in page.text("#result")
    assert "withheld on purpose" not in page.text("#result")
    page.check(as_archive(withheld.files, tmp_path / "withheld.zip"), withheld.trust)
    assert "what went in: withheld on purpose" in page.text("#result")
    assert "erased, as" not in page.text("#result")


def test_a_key_that_is_none_is_told_and_nothing_is_checked(page: Page, tmp_path: Path) -> None:
    page.tab.set_input_files("#files", as_archive(BASE.files, tmp_path / "bundle.zip"))
    page.tab.fill("#trust", BASE.trust[0][:-3])
    page.tab.click("#check")
    page.tab.wait_for_selector("#wrong:not([hidden])")
    assert "is no key" in page.text("#wrong")
    assert page.tab.is_hidden("#result")


def test_nothing_chosen_and_a_browser_that_is_too_old_are_told(chromium: Any, tmp_path: Path) -> None:
    opened = Page(chromium, PAGE)
    opened.tab.click("#check")
    opened.tab.wait_for_selector("#wrong:not([hidden])")
    assert "Choose a bundle" in opened.text("#wrong")
    opened.tab.evaluate("() => { delete globalThis.DecompressionStream; }")
    opened.tab.set_input_files("#files", as_archive(BASE.files, tmp_path / "bundle.zip"))
    opened.tab.click("#check")
    opened.tab.wait_for_function("() => document.getElementById('wrong').textContent.includes('browser lacks')")
    assert opened.tab.is_hidden("#result")
    opened.close()


def test_every_finding_and_verdict_has_words(page: Page) -> None:
    kinds = {kind for path in PATHS for kind, *_ in read(path.stem).findings}
    explained = set(page.tab.evaluate("Object.keys(EXPLAINED)"))
    assert kinds <= explained
    assert set(page.tab.evaluate("Object.keys(VERDICTS)")) == verify.EXIT_CODES.keys() - {"usage"}
    assert set(page.tab.evaluate("Object.keys(ASKED)")) == set(verify.SELECTIONS)


def test_what_stands_in_a_bundle_is_shown_and_not_obeyed(page: Page, tmp_path: Path) -> None:
    made = makers()
    marked = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202e'
    manifest = lambda value: {**value, "exported": {**value["exported"], "purpose": marked}}  # noqa: E731
    files = {name: text.encode() for name, text in made.Making(manifest=manifest).files().items()}
    report = page.check(as_archive(files, tmp_path / "bundle.zip"), BASE.trust)
    assert report["verdict"] == "proven"
    assert '<img src=x onerror="document.title=1">' in page.text("#result")
    assert "\u202e" not in page.text("#result")
    assert page.tab.title() == "Check an evidence bundle"
    assert page.tab.locator("#result img, #result script").count() == 0


# ---- archives ----


def rezipped(files: dict[str, bytes], path: Path, **options: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw, **options)
    return path


def hostile_archives(folder: Path) -> Iterator[tuple[str, Path]]:
    files = dict(BASE.files)
    good = as_archive(files, folder / "good.zip").read_bytes()

    def written(name: str, raw: bytes) -> tuple[str, Path]:
        path = folder / f"{name}.zip"
        path.write_bytes(raw)
        return name, path

    yield written("nothing", b"")
    yield written("text", b"PK, they say")
    yield written("cut off", good[:-40])
    yield written("something before", b"#!/bin/sh\n" + good)
    yield written("something behind", good + b"more")
    yield "another name", rezipped({**files, "README.txt": b"read me"}, folder / "more.zip")
    yield "a path", rezipped({**files, "../keys.json": b"{}"}, folder / "path.zip")
    yield "a folder", rezipped({f"bundle/{name}": raw for name, raw in files.items()}, folder / "folder.zip")
    yield "bzip2", rezipped(files, folder / "bzip2.zip", compress_type=zipfile.ZIP_BZIP2)
    twice = folder / "twice.zip"
    with zipfile.ZipFile(twice, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("keys.json", files["keys.json"])
    yield "a name twice", twice
    with zipfile.ZipFile(as_archive(files, folder / "comment.zip"), "a") as archive:
        archive.comment = b"to whom it may concern"
    yield "a comment", folder / "comment.zip"
    at = good.index(b"entries.jsonl") + 60
    yield written("damaged inside", good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :])
    renamed = good.replace(b"LIMITS.md", b"LIMITS.MD", 1)
    yield written("two names for one", renamed)


def test_hostile_archives_are_unverifiable_for_every_verifier(page: Page, tmp_path: Path) -> None:
    names = []
    for name, path in hostile_archives(tmp_path):
        assert page.check(path, BASE.trust)["verdict"] == "unverifiable", name
        assert independent(path, BASE.trust)[0] == packaged(path, BASE.trust)[0] == "unverifiable", name
        names.append(name)
    assert len(names) == 13


def test_stored_and_deflated_archives_are_read(page: Page, tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = rezipped(dict(BASE.files), tmp_path / f"{method}.zip", compress_type=method)
        assert page.check(path, BASE.trust)["verdict"] == "proven"


# ---- the page itself ----


def test_the_page_asks_the_network_for_nothing(chromium: Any, tmp_path: Path) -> None:
    opened = Page(chromium, PAGE)
    opened.check(as_archive(BASE.files, tmp_path / "bundle.zip"), BASE.trust)
    assert opened.asked == [PAGE.as_uri()]
    assert opened.complaints == []
    refused = opened.tab.evaluate("fetch('https://example.org/').then(() => false, () => true)")
    assert refused
    assert any("Content Security Policy" in each for each in opened.complaints)
    opened.close()


def test_the_page_works_without_network_and_without_ed25519_in_the_browser(chromium: Any, tmp_path: Path) -> None:
    opened = Page(chromium, PAGE)
    opened.tab.context.set_offline(offline=True)
    opened.tab.evaluate("() => { crypto.subtle.importKey = () => Promise.reject(new DOMException('no')); }")
    report = opened.check(as_archive(BASE.files, tmp_path / "bundle.zip"), BASE.trust)
    assert report["verdict"] == "proven"
    opened.close()


def test_the_page_prints_the_verdict_and_not_the_form(chromium: Any, tmp_path: Path) -> None:
    opened = Page(chromium, PAGE)
    opened.check(as_archive(BASE.files, tmp_path / "bundle.zip"), BASE.trust)
    opened.tab.emulate_media(media="print")
    assert opened.tab.is_hidden("form")
    assert opened.tab.is_visible("#verdict")
    assert BASE.trust[0] in opened.text("#result")
    assert len(opened.tab.pdf()) > 10_000
    opened.close()


def test_the_page_names_its_own_script_and_style_and_nothing_else() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert make_sums.sealed(text) == text
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.findall(r"\b(?:src|href)=|url\(|@import|\son[a-z]+=|\sstyle=|innerHTML|https?://", text)


def test_the_sums_are_those_of_the_verifiers() -> None:
    assert (SPEC / "SHA256SUMS").read_text(encoding="utf-8") == make_sums.sums()
    for line in make_sums.sums().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((SPEC / name).read_bytes()).hexdigest() == digest
