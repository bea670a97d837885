"""What is stated when a log gets its first key, and when another one takes over."""

from datetime import datetime

from unbroken.core.key_statement import Change, KeyStatement, signed
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError
from unbroken.notary.memory import Memory
from unbroken.notary.signer import Signer


def first(memory: Memory, signer: Signer, *, at: datetime) -> str:
    """The statement of a log's first key."""
    return signed(_statement(memory, "first", signer.verifier, None, at), signer)


def rotated(memory: Memory, signer: Signer, to: Signer, *, at: datetime) -> str:
    """The statement by which a key hands over to another: the last one that it signs.

    ``to`` signs all trees after the last checkpoint. Raises :class:`ConfigurationError` where ``signer`` is not the key
    that signs now, or where there is none.
    """
    require_key(memory, signer)
    return signed(_statement(memory, "rotated", to.verifier, _current(memory), at), signer, to)


def lost(memory: Memory, to: Signer, *, at: datetime) -> str:
    """The statement that another key goes on in the place of one that nobody has any more, or that others have too."""
    return signed(_statement(memory, "lost", to.verifier, _current(memory), at), to)


def require_key(memory: Memory, signer: Signer) -> None:
    """Raises :class:`ConfigurationError` unless this is the key that signs now, or there is none yet."""
    if memory.key is not None and memory.key != signer.verifier:
        raise ConfigurationError(
            f"the key that signs this log's checkpoints is {memory.key}, and this one is {signer.verifier}. Name the"
            " right one; another key takes over by `unbroken keys rotate`"
        )


def _current(memory: Memory) -> VerifierKey:
    if memory.key is None:
        raise ConfigurationError("this log has no key yet: its first one is stated by `unbroken checkpoint run`")
    return memory.key


def _statement(
    memory: Memory, change: Change, key: VerifierKey, previous: VerifierKey | None, at: datetime
) -> KeyStatement:
    if previous is not None and key.public == previous.public:
        raise ConfigurationError(f"{key} signs already: nothing was stated")
    return KeyStatement(memory.log, change, key, previous, memory.position, at)
