"""What a command says when its login may not do what it needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from unbroken.errors import AccessDeniedError


@contextmanager
def reading_payloads(command: str) -> Iterator[None]:
    """Says which login a command needs that reads payloads, where the database refuses them."""
    try:
        yield
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"{error}. `unbroken {command}` reads payloads, so it needs a login with the role verifier"
        ) from error
