"""What is remembered of each session during a run, in bounded memory."""

import struct
from typing import Final, NamedTuple

from unbroken.verify.spilled import MAX_HELD, Spilled

_FOUR: Final = struct.Struct("<4q")


class SessionState(NamedTuple):
    """The last number of a session, what the run lacked at that point, and its first and last entry."""

    last: int
    absent: int
    first_seq: int
    last_seq: int


class SessionStates(Spilled[SessionState]):
    """A mapping from session id to :class:`SessionState`."""

    def __init__(self, *, max_held: int = MAX_HELD) -> None:
        super().__init__(
            lambda state: _FOUR.pack(*state), lambda packed: SessionState(*_FOUR.unpack(packed)), max_held=max_held
        )
