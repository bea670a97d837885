"""The chain of custody of what AI agents did.

import unbroken

with unbroken.open("audit") as trail:
    with trail.session(actor="u-17", agent="clinic-agent") as session:
        with session.turn("When is my appointment?") as turn:
            turn.respond("Tomorrow at nine.")
"""

from typing import TYPE_CHECKING, Any

from unbroken import errors

if TYPE_CHECKING:
    from unbroken.capture.session import Session
    from unbroken.capture.trail import Trail
    from unbroken.capture.turn import Turn
    from unbroken.core.keyed import LogKey
    from unbroken.wiring import connect, open  # noqa: A004

__version__ = "0.1.0"
__all__ = ["LogKey", "Session", "Trail", "Turn", "__version__", "connect", "errors", "open"]

_HOMES = {
    "Session": "unbroken.capture.session",
    "Trail": "unbroken.capture.trail",
    "Turn": "unbroken.capture.turn",
    "LogKey": "unbroken.core.keyed",
    "connect": "unbroken.wiring",
    "open": "unbroken.wiring",
}


def __getattr__(name: str) -> Any:
    """Loads the few public names when they are first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unbroken' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
