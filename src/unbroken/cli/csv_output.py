"""Where CSV goes: a file that is there once it is complete, or standard output."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from unbroken.errors import ConfigurationError

STANDARD_OUTPUT: Final = "-"


@contextmanager
def csv_target(target: str) -> Iterator[TextIO]:
    """Where CSV goes: standard output for ``-``, else a file that is there, or replaced, once it is complete.

    Raises :class:`ConfigurationError` where the file can't be written.
    """
    if target == STANDARD_OUTPUT:
        with _standard_output() as file:
            yield file
        return
    path = Path(target)
    try:
        with _in_place(path) if path.exists() and not path.is_file() else _once_complete(path) as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{target} can't be written: {error.strerror}") from error


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    """In UTF-8 whatever the terminal's encoding is."""
    sys.stdout.flush()
    file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield file
    finally:
        file.detach()


@contextmanager
def _in_place(path: Path) -> Iterator[TextIO]:
    """A device or a pipe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _once_complete(path: Path) -> Iterator[TextIO]:
    """A file that only its owner reads; an answer that was cut off must not look like a whole one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
