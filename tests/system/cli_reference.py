"""docs/cli.md is what --help says. ``python -m tests.system.cli_reference`` writes it anew."""

from pathlib import Path
from typing import Final

from typer.testing import CliRunner

from unbroken.cli.app import COMMANDS, app, load

REFERENCE: Final = Path(__file__).parents[2] / "docs" / "cli.md"

_INTRODUCTION: Final = """\
# The command `unbroken`

What `--help` says of each command. All of them take the store from `--store` or `UNBROKEN_STORE`, and the log, where
there are several, from `--log` or `UNBROKEN_LOG`. A log key for a database is read from the file that
`UNBROKEN_KEY_FILE` names.

Wrong usage, a database that can't be reached and every other error end with exit code 2 and one line on standard error.
"""


def command_lines() -> list[tuple[str, ...]]:
    """Every command and subcommand, in the order in which they are listed."""
    lines: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        lines += [(name,), *((name, inner) for inner in getattr(load(name), "commands", {}))]
    return lines


def help_of(line: tuple[str, ...]) -> str:
    """What a command's --help prints in 80 columns."""
    result = CliRunner().invoke(app, [*line, "--help"], prog_name="unbroken", env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout.rstrip()


def reference() -> str:
    """The whole document."""
    sections = [f"## `{' '.join(('unbroken', *line))}`\n\n```text\n{help_of(line)}\n```\n" for line in command_lines()]
    return "\n".join([_INTRODUCTION, *sections])


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
