"""CSV that a spreadsheet shows and does not carry out, and from which every text can be read back."""

import csv
import io
import os
import re
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unbroken.cli.csv_output import csv_target
from unbroken.errors import ConfigurationError
from unbroken.investigate.csv_rows import CsvOutput, field_of

TEXTS = st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=20) | st.text(
    "=+-@\t\r\n\0 \";'\\u05c\uff1d\uff0b\uff0d\uff20\u200b\u2212,", min_size=1, max_size=12
)


def written(*values: str | int | None) -> str:
    file = io.StringIO()
    CsvOutput(file, ["a", "b", "c"]).write(values)
    return file.getvalue()


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def read_back(cell: str) -> str:
    """The text of a cell, as the documents say how."""
    units = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), cell.removeprefix("'"))
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def in_cell(text: str) -> str:
    ((cell,),) = parsed(field_of(text) + "\r\n")
    return cell


def test_it_is_rfc_4180() -> None:
    assert written('say "hi", twice', 5, None) == '"a","b","c"\r\n"say ""hi"", twice",5,\r\n'
    assert parsed(written("x,y", "ä", None))[1] == ["x,y", "ä", ""]


def test_numbers_of_ours_stay_numbers() -> None:
    assert (field_of(-5), field_of(0), field_of(2**53), field_of(True), field_of(False)) == (
        "-5",
        "0",
        "9007199254740992",
        "true",
        "false",
    )


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-5",
        "@SUM(A1)",
        "=cmd|' /C calc'!A0",
        " =1",
        "\u00a0\u3000=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "﹦1",
        "⁼1",
        "\N{MINUS SIGN}1",
        "\u200d=1",
        '"=1',
        "\u0301=1",
    ],
)
def test_a_formula_is_made_a_text(text: str) -> None:
    assert in_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["a=b", "0012", "call-2042", "patient/p-4", "1-2", "мир", "Zoë", "👩\u200d🔬", "C:\\users", "a;b", "a, -b"]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert in_cell(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("\t=1", "\\u0009=1"),
        ("\r=1", "\\u000d=1"),
        ("a\nb", "a\\u000ab"),
        ("nul\0", "nul\\u0000"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x9b", "\\u009b"),
        ("\u202egnp", "\\u202egnp"),
        ("\u2028", "\\u2028"),
        ("\ufeff=1", "\\ufeff=1"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\ud800", "\\ud800"),
        ("\\u001b", "\\u005cu001b"),
        ("'quoted", "''quoted"),
        ("x;=1", "x;\\u003d1"),
        ('x; "-1', 'x; "\\u002d1'),
        ("x;\uff1d1", "x;\\uff1d1"),
        ("=a;=b", "'=a;\\u003db"),
    ],
)
def test_what_programs_obey_or_hide_is_written_out(text: str, cell: str) -> None:
    assert in_cell(text) == cell
    assert read_back(cell) == text


@given(TEXTS)
@example("\\\\u0041")
@example("\\u\\u0041")
@example("\ud83d\ude00")
@example("'=")
def test_every_text_can_be_read_back_and_none_is_a_formula(text: str) -> None:
    cell = in_cell(text)
    # Two surrogates that stand apart in a Python text are one character in every other place.
    assert read_back(cell) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert len(field_of(text).splitlines()) == 1
    for part in (cell, *cell.split(";")[1:]):
        assert part.strip().strip('" ')[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20\t\r\0")


@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_no_text_leaves_its_cell(texts: list[str]) -> None:
    _, row = parsed(written(*texts))
    assert len(row) == 3


# ---- where it goes ----


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("older")
    with csv_target(str(path)) as file:
        CsvOutput(file, ["é"])
        file.flush()
        assert path.read_text() == "older"
    assert path.read_bytes() == b'"\xc3\xa9"\r\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_answer_that_was_cut_off_leaves_no_file(tmp_path: Path) -> None:
    def cut_off() -> None:
        with csv_target(str(tmp_path / "out.csv")) as file:
            CsvOutput(file, ["a"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reading = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reading.start()
    with csv_target(str(pipe)) as file:
        CsvOutput(file, ["a"])
    reading.join()
    assert read == [b'"a"\r\n']


@pytest.mark.parametrize("name", ["nowhere/out.csv", "."])
def test_what_can_not_be_written_is_said(tmp_path: Path, name: str) -> None:
    def write() -> None:
        with csv_target(str(tmp_path / name)):
            pass

    with pytest.raises(ConfigurationError, match="can't be written"):
        write()
