"""Tables of commands: a row on its line, and cell by cell where a terminal is too narrow for that."""

import re

import pytest

from unbroken.cli.printing import cells, plain_table, print_table

NAME = "0b51c6f2-7a2f-4f43-9a53-0d0f0f6c2a11"
FITS = len(f"{NAME}  compliance  candidates")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    table = plain_table("disposal", "reviewed by", "candidates", right=("candidates",))
    table.columns[0].no_wrap = True
    table.add_row(*cells(NAME, "compliance", "1,200"))
    table.add_row(*cells(NAME, "", "3"))
    print_table(table)
    return [re.sub("\x1b\\[[0-9;]*m", "", line).rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_row_stays_on_its_line_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys)[1:] == [f"{NAME}  compliance   {'1,200':>10}", f"{NAME}  {'':11}  {'3':>10}"]


def test_it_is_a_table_on_a_terminal_that_takes_its_words(
    capsys: pytest.CaptureFixture[str], terminal: pytest.MonkeyPatch
) -> None:
    terminal.setenv("COLUMNS", str(FITS))
    assert printed(capsys)[-2:] == [f"{NAME}  compliance  {'1,200':>10}", f"{NAME}  {'':10}  {'3':>10}"]


def test_on_a_narrower_one_each_cell_has_a_line(
    capsys: pytest.CaptureFixture[str], terminal: pytest.MonkeyPatch
) -> None:
    terminal.setenv("COLUMNS", str(FITS - 1))
    first = ["", f"disposal     {NAME}", "reviewed by  compliance", "candidates   1,200"]
    assert printed(capsys) == [*first, "", f"disposal    {NAME}", "candidates  3"]
