"""Help: quick, readable in 80 columns, and the same in the documents."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import unbroken
from tests.system.cli import UNBROKEN, Cli
from tests.system.cli_reference import REFERENCE, command_lines, command_of, help_of, reference
from unbroken.cli.app import COMMANDS, load

LISTED = 66
"""Characters that a summary may have in the list of commands before it is cut off."""


def test_the_reference_is_what_help_says() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "python -m tests.system.cli_reference writes it anew"


@pytest.mark.parametrize("line", command_lines(), ids=" ".join)
def test_help_fits_80_columns_and_shows_no_markup(line: tuple[str, ...]) -> None:
    text = help_of(line)
    assert max(map(len, text.splitlines())) <= 80
    assert not {"\b", "\x1b", "[/", "│"} & set(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_its_own_help_says(name: str) -> None:
    listed, own = COMMANDS[name][2], load(name).help.split("\n")[0]
    width = max(map(len, COMMANDS)) + 2
    assert f"\n  {name:<{width}}{listed}" in help_of(())
    assert listed == own or len(own) > LISTED


@pytest.mark.parametrize("line", [line for line in command_lines() if line and line[0] != "import"], ids=" ".join)
def test_help_has_examples(line: tuple[str, ...]) -> None:
    if not hasattr(command_of(line), "commands"):
        assert f"\n    unbroken {' '.join(line)}" in help_of(line)


def test_the_list_of_commands_loads_nothing_heavy() -> None:
    heavy = "{'psycopg', 'msgspec', 'rich', 'asyncio', 'unbroken.wiring'}"
    code = f"import sys; import unbroken.cli.app; print(*{heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"


def test_help_answers_at_once() -> None:
    """Half a second is the promise; the best of several runs, as other tests may keep the machine busy."""
    seconds = []
    for _ in range(5):
        begun = time.monotonic()
        subprocess.run([UNBROKEN, "--help"], capture_output=True, check=True, timeout=60)
        seconds.append(time.monotonic() - begun)
    assert min(seconds) < 0.5


def test_version(tmp_path: Path) -> None:
    done = Cli("", tmp_path)("--version")
    assert (done.returncode, done.stdout) == (0, f"unbroken {unbroken.__version__}\n")


def test_a_mistyped_command_is_guessed(tmp_path: Path) -> None:
    done = Cli("", tmp_path)("verifi")
    assert (done.returncode, "Did you mean 'verify'" in done.stderr) == (2, True)


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    def completed(words: str) -> list[str]:
        settings = {"_UNBROKEN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return Cli("", tmp_path, settings)().stdout.split()

    assert completed("unbroken s") == ["sessions", "show", "subject", "spool", "status"]
    assert "--expect" in completed("unbroken verify --e")
    assert completed("unbroken login a") == ["add"]
