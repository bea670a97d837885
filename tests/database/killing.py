"""A process that kills itself at a step of what it does, as the machine could at any."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any


@dataclass
class Steps:
    """Counts steps, and kills the process at one of them."""

    fatal: int
    done: int = 0

    def __call__(self) -> None:
        self.done += 1
        if self.done == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def stepping(*given: Any, **named: Any) -> Any:
            self()
            result = function(*given, **named)
            self()
            return result

        return stepping
