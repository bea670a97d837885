"""The vectors of spec/ and the verifiers that must agree on them; FORMAT.md's example; spec/verify.py as a command.

``VERIFIERS`` holds every verifier under test. Each takes the lines of an export and an expected head, and gives its
verdict, the kind, seq and part of each finding, and how many payloads are erased, and disposed of, and accounted for.
"""

import hashlib
import importlib.util
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from unbroken.core.entry import Head
from unbroken.verify.export import verify_export

SPEC = Path(__file__).parents[2] / "spec"

Place = tuple[str, int, str | None]
Counts = tuple[int, int]
"""How many payloads were erased, and disposed of."""
Verifier = Callable[[list[str], str | None], tuple[str, list[Place], Counts]]


def load(name: str) -> ModuleType:
    """A file of spec/ as a module: they are in no package."""
    spec = importlib.util.spec_from_file_location(f"unbroken_spec_{name}", SPEC / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


verify = load("verify")
make_vectors = load("make_vectors")


def independent(lines: list[str], expect: str | None) -> tuple[str, list[Place], Counts]:
    report = verify.verify_lines(lines, expect)
    places = [(finding.kind, finding.seq, finding.part) for finding in report.findings]
    return report.verdict, places, (report.erased, report.disposed)


def package(lines: list[str], expect: str | None) -> tuple[str, list[Place], Counts]:
    report = verify_export(lines, expect=None if expect is None else Head.parse(expect))
    places: list[Place] = [(finding.kind, finding.seq, finding.part) for finding in report.findings]
    accounted = report.accounted
    return report.verdict, places, (accounted.payloads - accounted.disposed, accounted.disposed)


VERIFIERS: dict[str, Verifier] = {"independent": independent, "package": package}


@dataclass(frozen=True)
class Vector:
    lines: list[str]
    expect: str | None
    verdict: str
    findings: list[Place]
    counts: Counts


def read(path: Path) -> Vector:
    content = json.loads(path.read_text(encoding="utf-8"))
    counts = content.pop("erased", 0), content.pop("disposed", 0)
    assert content.keys() == {"description", "expect", "verdict", "findings", "lines"}
    found = [(finding["kind"], finding["seq"], finding.get("part")) for finding in content["findings"]]
    return Vector(content["lines"], content["expect"], content["verdict"], found, counts)


def in_order(places: list[Place]) -> list[tuple[int, str, str]]:
    return sorted((seq, kind, part or "") for kind, seq, part in places)


PATHS = sorted((SPEC / "vectors").glob("*.json"))
VALID = [path for path in PATHS if path.name.startswith("valid-")]
LIES = [path for path in PATHS if path.name.startswith("fail-")]
CLINIC = read(SPEC / "vectors" / "valid-proven.json")


# ---- Vectors ----


def test_there_are_vectors_of_both_sorts() -> None:
    assert VALID
    assert LIES
    assert len(VALID) + len(LIES) == len(PATHS)


@pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_verifier_says_what_the_vector_demands(path: Path, verifier: Verifier) -> None:
    vector = read(path)
    verdict, findings, counts = verifier(vector.lines, vector.expect)
    expected = vector.verdict, in_order(vector.findings), vector.counts
    assert (verdict, in_order(findings), counts) == expected


@pytest.mark.parametrize("path", LIES, ids=lambda path: path.stem)
def test_every_lie_has_a_finding(path: Path) -> None:
    vector = read(path)
    assert vector.findings
    assert vector.verdict in {"findings", "unverifiable"}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_no_valid_log_has_a_finding(path: Path) -> None:
    vector = read(path)
    assert not vector.findings
    assert vector.verdict in {"proven", "consistent"}


def test_every_kind_that_an_export_can_show_has_a_vector() -> None:
    section = (SPEC / "FORMAT.md").read_text(encoding="utf-8").partition("\n## Findings\n")[2].partition("\n## ")[0]
    kinds = set(re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE))
    assert kinds - {"column_disagrees"} == {kind for path in LIES for kind, _, _ in read(path).findings}


def test_vectors_are_what_make_vectors_writes(tmp_path: Path) -> None:
    make_vectors.write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in PATHS
    }


# ---- FORMAT.md ----


def example_blocks() -> dict[str, str]:
    text = (SPEC / "FORMAT.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```(?:json|text) example-([a-z]+)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL))


def test_example_of_the_document_is_one_whole() -> None:
    block = example_blocks()
    exported = json.loads(block["export"])
    part = json.loads(block["payload"])["inputs"]
    assert block["line"].startswith('{"event":' + block["event"] + ',"log":')
    assert exported == {"hash": block["hash"], "line": block["line"], "payload": json.loads(block["payload"])}
    assert hashlib.sha256(b"\x00" + block["line"].encode()).hexdigest() == block["hash"]
    assert (
        hashlib.sha256(bytes.fromhex(part["salt"]) + part["value"].encode()).hexdigest()
        == block["commitment"]
        == json.loads(block["event"])["inputs"]
    )
    assert block["head"] == f"1:{block['hash']}"


@pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)
def test_example_of_the_document_is_proven(verifier: Verifier) -> None:
    block = example_blocks()
    assert verifier([block["export"]], block["head"]) == ("proven", [], (0, 0))


def test_example_of_the_document_is_a_vector() -> None:
    block = example_blocks()
    vector = read(SPEC / "vectors" / "valid-example.json")
    assert (vector.lines, vector.expect) == ([block["export"]], block["head"])


def documented_keys(heading: str, level: str) -> dict[str, bool]:
    """The keys of the first table after a heading, and whether each is always there."""
    text = (SPEC / "FORMAT.md").read_text(encoding="utf-8").partition(f"\n{level} {heading}\n")[2]
    table = re.search(r"\n\| key .*?\n\n", text, re.DOTALL)
    assert table is not None
    return {key: bool(star) for key, star in re.findall(r"^\| `([a-z_]+)`( \*)? \|", table[0], re.MULTILINE)}


def test_document_names_the_keys_that_the_verifier_knows() -> None:
    event, line = documented_keys("The event", "##"), documented_keys("The line", "##")
    assert list(event) == sorted(verify.EVENT)
    assert {key for key, always in event.items() if always} == verify.EVENT_REQUIRED
    assert list(line) == sorted(verify.LINE)
    assert {key for key, always in line.items() if always} == verify.LINE_REQUIRED


# ---- What every verifier must withstand ----


@pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)
def test_no_single_changed_character_goes_unseen(verifier: Verifier) -> None:
    text = "\n".join(CLINIC.lines)
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        verdict, findings, _ = verifier(changed.split("\n"), CLINIC.expect)
        assert verdict in {"findings", "unverifiable"}, f"character {at}"
        assert findings


@pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)
def test_any_pick_of_lines_other_than_all_in_order_is_not_proven(verifier: Verifier) -> None:
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, nothing secret
        picked = chance.choices(CLINIC.lines, k=chance.randrange(9))
        assert (verifier(picked, CLINIC.expect)[0] == "proven") is (picked == CLINIC.lines)


@pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)
def test_damaged_lines_end_with_a_verdict(verifier: Verifier) -> None:
    pieces = ['{"hash":', '"line"', "\\ud800", "\\", '"', "[", "{", "}", "NaN", "-", "9" * 50, "\x00", "\u2028", "null"]
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, nothing secret
        line = chance.choice(CLINIC.lines)
        at = chance.randrange(len(line))
        verdict, *_ = verifier([line[:at] + chance.choice(pieces) + line[at:]], None)
        assert verdict in {"findings", "unverifiable"}


# ---- What was erased, disposed of, held ----

_NUMBERS = ("2-3,6", "2,3", "6", "1-6", "4-5", "2-3,6-9", "3-2", "2,,3", "", "5-", 6, None, ["6"], "6\ud800")
_SAID: list[dict[str, object]] = [
    {},
    {"complete": True},
    {"more": [1]},
    {"more": "\x00"},
    {"erasure": "mine"},
    {"disposal": None},
    {"originals": "2-"},
    {"kept": "4"},
    {"kept": "3-5"},
    {"kept": "5-4"},
    {"keys": [7]},
    {"log": "clinic.example/agents~7"},
]
_IDS = {"erasure": make_vectors.ERASURE, "disposal": make_vectors.DISPOSAL}
_TIMES = ("2026-03-01T09:00:04.250000Z", make_vectors.SOON, make_vectors.LATE, "2026-03-01T09:00:08Z", 8, None)


def declaring(chance: random.Random) -> tuple[str, dict[str, object]]:
    """What an entry says of something destroyed, rightly spelt or not."""
    event_type, named = chance.choice((("log.erased", "erasure"), ("log.disposed", "disposal")))
    ids = _IDS if chance.random() < 0.3 else {named: _IDS[named]}
    return event_type, {**ids, "payloads": chance.choice(_NUMBERS), **chance.choice(_SAID)}


def holding(chance: random.Random) -> tuple[str, dict[str, object]]:
    """What an entry says of a hold, rightly spelt or not."""
    said: dict[str, object] = {"hold": chance.choice((make_vectors.HOLD, make_vectors.HOLD, make_vectors.uuid(812), 7))}
    scopes = [scope for _, _, scope, *_ in (*make_vectors.COVERING, *make_vectors.PASSING)]
    event_type = chance.choice(("log.hold_issued", "log.hold_issued", "log.hold_change_asked", "log.hold_changed"))
    if event_type != "log.hold_issued":
        said["request"] = chance.choice((make_vectors.REQUEST, make_vectors.REQUEST, make_vectors.uuid(813), None))
    if event_type == "log.hold_changed":
        said |= {"ends_at": chance.choice(_TIMES), "kind": chance.choice(("narrow", "release", "release", "end"))}
    elif chance.random() < 0.9:
        said["scope"] = chance.choice(scopes)
    if chance.random() < 0.1:
        said["log"] = chance.choice((None, "clinic.example/agents~7", "", 7))
    return event_type, said


def destroyed_log(chance: random.Random) -> list[str]:
    """A log in which several entries declare something or tell of holds, and some payloads are absent."""
    writer = make_vectors.before_disposing()
    for _ in range(chance.randrange(7)):
        event_type, said = (declaring if chance.random() < 0.5 else holding)(chance)
        spelt = json.dumps(said)  # not canonical: a verifier takes any spelling
        number = len(writer.entries) + 1
        event = (make_vectors.recorded if chance.random() < 0.1 else make_vectors.event)(number, event_type)
        salt = make_vectors.salt_for(str(number))
        writer.add({**event, "details": make_vectors.commit(salt, spelt)}, {"details": {"salt": salt, "value": spelt}})
    entries = writer.entries
    gone = [seq for seq in range(1, len(entries) + 1) if chance.random() < (0.5 if seq < 7 else 0.1)]
    lines: list[str] = make_vectors.texts(make_vectors.emptied(entries, *gone))
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.append(lines[at])
            case 2:
                lines[at] = lines[at].replace('"v\\":1', '"v\\":2', 1)
            case 3:
                lines[at], lines[0] = lines[0], lines[at]
        if not lines:
            break
    return lines


def test_verifiers_agree_on_all_that_was_destroyed() -> None:
    shown: set[str] = set()
    counts: set[Counts] = set()
    for seed in range(2000):
        lines = destroyed_log(random.Random(seed))  # noqa: S311 - a reproducible choice, nothing secret
        verdicts = {
            name: (verdict, in_order(findings), counted)
            for name, verifier in VERIFIERS.items()
            for verdict, findings, counted in [verifier(lines, None)]
        }
        assert verdicts["independent"] == verdicts["package"], seed
        verdict, findings, counted = verdicts["package"]
        shown |= {verdict, *(kind for _, kind, _ in findings)}
        counts.add(counted)
    kinds = {"missing", "not_erased", "held_destroyed", "altered_entry", "duplicate", "reordered"}
    assert {"consistent", *kinds} <= shown
    assert {(0, 0), (1, 0), (0, 1), (2, 1), (1, 2), (0, 3)} <= counts


def test_a_disposal_and_a_hold_are_heard_of_in_a_check_of_one_session() -> None:
    vector = read(SPEC / "vectors" / "fail-held-tool.json")
    report = verify.verify_lines(vector.lines, session="s-1")
    assert [(finding.kind, finding.seq) for finding in report.findings] == [("held_destroyed", 3)]
    assert (report.verdict, report.erased, report.disposed) == ("findings", 0, 3)


def test_an_erasure_is_heard_of_in_a_check_of_one_session() -> None:
    vector = read(SPEC / "vectors" / "valid-erased.json")
    report = verify.verify_lines(vector.lines, session="s-1")
    assert (report.verdict, report.findings, report.erased) == ("consistent", (), 3)
    short = verify.verify_lines(vector.lines[:7], session="s-1")
    assert {(finding.kind, finding.seq) for finding in short.findings} == {
        ("missing", 2),
        ("missing", 3),
        ("missing", 6),
    }


# ---- spec/verify.py alone ----


def test_independent_verifier_imports_the_standard_library_alone() -> None:
    for name in ("verify", "make_vectors"):
        imported = re.findall(
            r"^(?:from|import) (\w+)", (SPEC / f"{name}.py").read_text(encoding="utf-8"), re.MULTILINE
        )
        assert imported
        assert set(imported) <= sys.stdlib_module_names


def test_lines_are_taken_one_by_one() -> None:
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in CLINIC.lines:
            yield line
            taken.append(line)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        verify.verify_lines(lines())
    assert taken == CLINIC.lines


@pytest.mark.parametrize("head", ["", "1", "1:", "01:" + "0" * 64, "1:" + "A" * 64, "-1:" + "0" * 64, "0:" + "1" * 64])
def test_expected_head_that_is_none_is_refused(head: str) -> None:
    with pytest.raises(ValueError, match="head"):
        verify.verify_lines([], head)


def test_finding_tells_session_and_what_was_expected_and_found() -> None:
    vector = read(SPEC / "vectors" / "fail-session-gap.json")
    (finding,) = verify.verify_lines(vector.lines).findings
    assert (finding.session, finding.expected, finding.found) == ("s-1", "session_seq 3", "session_seq 4")


def test_finding_quotes_no_content() -> None:
    card = "4111 1111 1111 1111"
    lines = [line.replace("move_visit", card).replace("Move my visit.", card) for line in CLINIC.lines]
    report = verify.verify_lines(lines)
    assert report.findings
    assert card not in repr(report)


def head_at(seq: int) -> str:
    return f"{seq}:{json.loads(CLINIC.lines[seq - 1])['hash']}"


def test_range_that_follows_its_head_is_proven() -> None:
    report = verify.verify_lines(CLINIC.lines[3:], CLINIC.expect, after=head_at(3))
    assert (report.verdict, report.head) == ("proven", CLINIC.expect)


def test_range_that_follows_another_head_is_forked() -> None:
    report = verify.verify_lines(CLINIC.lines[3:], after="3:" + "0" * 64)
    assert [(finding.kind, finding.seq) for finding in report.findings] == [("forked", 4)]


def test_range_without_its_first_entry_is_missing_it() -> None:
    report = verify.verify_lines(CLINIC.lines[4:], after=head_at(3))
    assert [(finding.kind, finding.seq) for finding in report.findings] == [("missing", 4)]


def test_expected_head_before_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match="after the head"):
        verify.verify_lines(CLINIC.lines[3:], head_at(2), after=head_at(3))


def of_session(lines: list[str], session: str) -> list[str]:
    return [line for line in lines if json.loads(json.loads(line)["line"])["event"].get("session_id") == session]


def test_session_alone_is_consistent() -> None:
    own = of_session(CLINIC.lines, "s-1")
    assert len(own) < len(CLINIC.lines)
    assert verify.verify_lines(own, session="s-1").verdict == "consistent"
    assert verify.verify_lines(CLINIC.lines, session="s-1").verdict == "consistent"


def test_session_alone_shows_what_was_withheld_from_its_middle() -> None:
    first, _, *rest = of_session(CLINIC.lines, "s-1")
    findings = verify.verify_lines([first, *rest], session="s-1").findings
    assert [(finding.kind, finding.seq) for finding in findings] == [("session_gap", 3)]


def test_session_alone_shows_what_was_moved() -> None:
    first, second, *rest = of_session(CLINIC.lines, "s-1")
    findings = verify.verify_lines([first, *rest, second, first], session="s-1").findings
    assert ("reordered", 2) in [(finding.kind, finding.seq) for finding in findings]
    assert ("duplicate", 1) in [(finding.kind, finding.seq) for finding in findings]


def test_session_has_no_head() -> None:
    with pytest.raises(ValueError, match="session"):
        verify.verify_lines(CLINIC.lines, CLINIC.expect, session="s-1")


# ---- spec/verify.py as a command ----


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "error", SPEC / "verify.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_text("".join(line + "\n" for line in CLINIC.lines), encoding="utf-8", newline="\n")
    return path


def test_command_proves_up_to_the_expected_head(export: Path) -> None:
    assert CLINIC.expect is not None
    done = run(export, "--expect", CLINIC.expect)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"proven: the log ends at the expected head {CLINIC.expect}" in done.stdout


def test_command_without_a_head_calls_the_end_unproven(export: Path) -> None:
    done = run(export)
    assert done.returncode == 3
    assert f"consistent to 6, end unproven; head {CLINIC.expect}" in done.stdout


def test_command_prints_findings(export: Path) -> None:
    export.write_text(export.read_text(encoding="utf-8").replace("move_visit", "drop_visit", 1), encoding="utf-8")
    done = run(export)
    assert done.returncode == 1
    assert "seq 3 (session s-1): altered_entry" in done.stdout


def test_command_prints_json(export: Path) -> None:
    export.write_text("\n".join(CLINIC.lines[1:]), encoding="utf-8")
    done = run(export, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["verdict"], report["log"], report["head"]) == ("findings", make_vectors.LOG, CLINIC.expect)
    assert [(finding["kind"], finding["seq"]) for finding in report["findings"]] == [("missing", 1)]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe{}\n", b"\n", b'{"hash":"\xed\xa0\x80"}\n', b"[" * 500_000, b'{"line":' + b"9" * 500_000]
)
def test_command_calls_damaged_files_unverifiable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    done = run(path)
    assert (done.returncode, done.stderr) == (4, "")


def test_command_refuses_invalid_utf8_within_a_value(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes("\n".join(CLINIC.lines).encode().replace(b"Move my visit", b"Move m\xff visit"))
    done = run(path)
    assert (done.returncode, done.stderr) == (4, "")
    assert "seq 2: unverifiable" in done.stdout


def test_overlong_lines_are_refused_and_the_next_ones_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "EXPORT_LIMIT", 5000)
    path = tmp_path / "export"
    path.write_text("\n".join([*CLINIC.lines[:2], "x" * 20_000, *CLINIC.lines[3:]]), encoding="utf-8")
    with path.open("rb") as file:
        texts = list(verify.physical_lines(file))
    assert [len(text) for text in texts[2:3]] == [5001]
    report = verify.verify_lines(texts, CLINIC.expect)
    assert [(finding.kind, finding.seq) for finding in report.findings] == [("unverifiable", 3)]


def test_line_longer_than_the_limit_is_refused() -> None:
    writer = make_vectors.Writer().add(make_vectors.event(1, "request", status="x" * verify.LINE_LIMIT))
    report = verify.verify_lines(make_vectors.texts(writer.entries))
    assert [(finding.kind, finding.seq) for finding in report.findings] == [("unverifiable", 1)]


def test_command_reads_vectors() -> None:
    done = run("--vector", SPEC / "vectors" / "fail-changed-value.json")
    assert (done.returncode, done.stderr) == (1, "")
    assert "seq 3, inputs (session s-1): altered_payload" in done.stdout


def test_command_believes_no_head_in_the_file_unless_told_so() -> None:
    assert run(SPEC / "vectors" / "valid-proven.json").returncode == 4


@pytest.mark.parametrize("arguments", [[], ["no-such-file"], ["--expect", "5", str(SPEC / "README.md")], ["--what"]])
def test_command_tells_wrong_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_command_prints_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    fields = make_vectors.event(1, "request", session_id="\x1b[2J\x9b2J")
    writer = make_vectors.Writer().add(fields, session_seq=2)
    path = tmp_path / "export"
    path.write_text(str(writer.entries[0]), encoding="utf-8")
    done = run(path)
    assert done.returncode == 1
    assert "session_gap" in done.stdout
    assert done.stdout.replace("\n", "").isprintable()
