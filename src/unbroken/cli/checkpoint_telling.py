"""What a notary at work says: each new checkpoint, and what is wrong, once."""

import time
from collections.abc import Callable
from typing import Final

import typer

from unbroken.cli.printing import as_json_time, counted, moment, print_json, warn
from unbroken.errors import UnbrokenError
from unbroken.investigate.printable import printable
from unbroken.notary.memory import Signed
from unbroken.notary.notary import Round

_AGAIN_S: Final = 600.0
"""After how long the same trouble is told again."""
_ROOT_DIGITS: Final = 16


class Telling:
    """Called with each round and each error, from one thread; ``then`` is called with what was signed."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._trouble: dict[str, _Trouble] = {}
        self.then: Callable[[Signed], None] | None = None

    def __call__(self, done: Round | UnbrokenError) -> None:
        """A round that was done, or what it met instead."""
        if isinstance(done, UnbrokenError):
            self._tell("", str(done))
            return
        self._tell("", "", over="The notary goes on.")
        self._signed(done)
        if self.then is not None:
            self.then(done.signed)

    def anchored(self, lines: tuple[str, ...]) -> None:
        """What is wrong with the anchors now."""
        self._tell("anchors", "\n".join(lines), over="The anchors are in order again.")

    def _signed(self, done: Round) -> None:
        checkpoint = done.signed.checkpoint
        if self._as_json:
            print_json(
                {
                    "log": checkpoint.origin,
                    "size": checkpoint.size,
                    "root": checkpoint.root.hex(),
                    "new": done.added,
                    "signed_at": as_json_time(done.signed.at),
                }
            )
        elif done.added:
            digits = checkpoint.root.hex()[:_ROOT_DIGITS]
            entries = f"{counted(checkpoint.size, 'entry')}, {done.added:,} new, root {digits}"
            typer.echo(printable(f"{moment(done.signed.at)}  {checkpoint.origin}: {entries}"))

    def _tell(self, what: str, text: str, *, over: str = "") -> None:
        before = self._trouble.get(what)
        if not text:
            if self._trouble.pop(what, None) is not None:
                warn(over)
            return
        if before is None or before.text != text or time.monotonic() - before.told > _AGAIN_S:
            for line in text.split("\n"):
                warn(line)
            self._trouble[what] = _Trouble(text)


class _Trouble:
    def __init__(self, text: str) -> None:
        self.text = text
        self.told = time.monotonic()
