"""Asking before something is done: at a terminal, and nowhere else."""

import io

import pytest

from unbroken.cli.asking import agreed
from unbroken.errors import ConfigurationError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "expected"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_whoever_sits_at_the_terminal_is_asked(
    answer: str, expected: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    assert agreed("Do it?", yes=False) is expected
    shown = capsys.readouterr()
    assert shown.err.startswith("Do it?")
    assert shown.out.strip() == ""


def test_where_nobody_can_answer_yes_has_to_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(ConfigurationError, match="--yes"):
        agreed("Do it?", yes=False)


def test_with_yes_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal("n\n"))
    assert agreed("Do it?", yes=True)
    assert capsys.readouterr() == ("", "")
