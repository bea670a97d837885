"""How long is waited for what, and the waiting."""

import time
from collections.abc import Callable
from typing import Final

INITIALISE_SECONDS: Final = 120.0
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0
DECISION_SECONDS: Final = INITIALISE_SECONDS + START_SECONDS + STOP_SECONDS
POLL_SECONDS: Final = 0.02


def eventually(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Tell whether ``condition``, which is asked at least once, became true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
