"""The command ``unbroken``: one file per command; no SQL and no rules of its own."""

import sys

from unbroken.errors import UnbrokenError


def main() -> None:
    """Runs the command line; errors of the package become one line on stderr and exit code 2."""
    from unbroken.cli.app import app

    try:
        app()
    except UnbrokenError as error:
        print(f"unbroken: {error}", file=sys.stderr)
        sys.exit(2)
