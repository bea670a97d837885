"""docs/cli.md is made of the help of each command. ``python -m tests.system.cli_reference`` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main
from typer.testing import CliRunner

from unbroken.cli.app import COMMANDS, app, load

REFERENCE: Final = Path(__file__).parents[2] / "docs" / "cli.md"

_INTRODUCTION: Final = """\
# The command `unbroken`

All commands take the store from `--store` or `UNBROKEN_STORE`, and the log, where there are several, from `--log` or
`UNBROKEN_LOG`. A log key for a database is read from the file that `UNBROKEN_KEY_FILE` names.

Wrong usage, a database that can't be reached and every other error end with exit code 2 and one line on standard error.
A command whose output nobody reads any more, as in `unbroken query ... | head -1`, ends with 141, as shells report it.
"""


def command_lines() -> list[tuple[str, ...]]:
    """Every command and subcommand, in the order in which they are listed."""
    return [(), *(line for name in COMMANDS for line in _lines_of((name,), load(name)))]


def _lines_of(line: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield line
    for name, inner in getattr(command, "commands", {}).items():
        yield from _lines_of((*line, name), inner)


def help_of(line: tuple[str, ...]) -> str:
    """What a command's --help prints in 80 columns."""
    result = CliRunner().invoke(app, [*line, "--help"], prog_name="unbroken", env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout.rstrip()


def reference() -> str:
    """The whole document; it does not depend on how a version of the library lays out help."""
    return "\n".join([_INTRODUCTION, *map(_section, command_lines())])


def _section(line: tuple[str, ...]) -> str:
    command = command_of(line)
    text = command.help.replace("\b\n", "").strip()
    options = "".join(_options(command))
    return f"## `{' '.join(('unbroken', *line))}`\n\n```text\n{text}\n```\n" + (f"\n{options}" if options else "")


def command_of(line: tuple[str, ...]) -> Any:
    """The command, or the group of commands, that a line names."""
    if not line:
        return typer.main.get_command(app)
    command = load(line[0])
    for name in line[1:]:
        command = command.commands[name]
    return command


def _options(command: Any) -> Iterator[str]:
    for option in command.params:
        if option.param_type_name == "argument":
            yield f"- `{option.metavar}`: {option.help or 'required'}\n"
        elif option.help and "completion" not in option.name:
            names = ", ".join([*option.opts, *option.secondary_opts])
            yield f"- `{names}{f' {option.metavar}' if option.metavar else ''}`: {option.help}\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
