"""The command ``unbroken``: one file per command; no SQL and no rules of its own."""

import io
import sys
from typing import Final

from unbroken.errors import UnbrokenError

UNREAD: Final = 128 + 13
"""How a command ends whose output nobody reads any more: as shells report a SIGPIPE."""


def main() -> None:
    """Runs the command line; errors of the package become one line on stderr and exit code 2."""
    from unbroken.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or pipe that can't show a character gets its escape, not an exception.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except UnbrokenError as error:
        from unbroken.investigate.printable import printable

        print(f"unbroken: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        # Rich and Typer both make it a 1, which in many commands says that something was found.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(UNREAD)
        raise
