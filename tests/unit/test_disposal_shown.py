"""What is shown of a disposal: in words for one and for many, and no more numbers than can be read."""

from dataclasses import replace

import pytest

from tests.unit.disposing import row, taken
from unbroken.cli.disposal_view import print_decisions, print_disposal


@pytest.mark.parametrize(
    ("classes", "numbers", "words"),
    [
        (None, "4", "entry 4 kept"),
        (None, "4-6,9", "entries 4-6,9 kept"),
        ([3], None, "class 3 kept"),
        ([3, 12], None, "classes 3,12 kept"),
    ],
)
def test_what_was_taken_out_is_named(
    capsys: pytest.CaptureFixture[str], classes: list[int] | None, numbers: str | None, words: str
) -> None:
    decision = taken("extend", "dpo", 11)
    print_decisions([replace(decision, classes=classes, numbers=numbers, until=decision.decided_at)])
    assert words in capsys.readouterr().out


def test_of_many_numbers_some_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = ",".join(str(number) for number in range(10_001, 90_000, 2))
    print_decisions([replace(taken("relabel", "dpo", 11), numbers=numbers)])
    shown = " ".join(capsys.readouterr().out.split())
    assert "entries 10001,10003" in shown
    assert ", … under no domain: needed (dpo" in shown
    assert len(shown) < 300


@pytest.mark.parametrize(
    ("kept", "words"),
    [(0, "no candidate was left."), (1, "1 candidate was left: held"), (1200, "1,200 candidates were left: held")],
)
def test_what_was_left_is_counted(capsys: pytest.CaptureFixture[str], kept: int, words: str) -> None:
    print_disposal(row(kept=kept), log="clinic.example/agents~1")
    assert words in " ".join(capsys.readouterr().out.split())
