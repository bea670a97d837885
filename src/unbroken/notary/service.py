"""A notary at work: a look every two seconds, so that a log that waits goes on, and a round when it is time."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final, NoReturn

from unbroken.errors import AccessDeniedError, ConfigurationError, UnbrokenError
from unbroken.notary.notary import Notary, Round, utc_now
from unbroken.notary.standing import Standing
from unbroken.store.checkpoints import Checkpoints

LOOK_S: Final = 2.0
"""How long a log waits for its notary after a start, at most, beside what connecting takes."""
_LONGEST_WAIT_S: Final = 60.0
Opened = Callable[[], AbstractContextManager[Checkpoints]]


class Service:
    """Serves one log, named without incarnation, for ever, over connections that are made anew where they are lost.

    ``told`` gets each round that was done and each error that was met, and may raise to end it all; ``after`` is called
    after every look and round, whatever came of it.
    """

    def __init__(
        self,
        notary: Notary,
        opened: Opened,
        *,
        log: str,
        every: timedelta,
        told: Callable[[Round | UnbrokenError], None],
        after: Callable[[Standing], None],
        look_s: float = LOOK_S,
    ) -> None:
        self._notary = notary
        self._opened = opened
        self._log = log
        self._every_s = every.total_seconds()
        self._told = told
        self._after = after
        self._look_s = look_s
        self._due = time.monotonic()
        self._failed_rounds = 0
        self._has_begun = False
        self.standing = Standing(log)

    def once(self) -> Round:
        """One round, which is told; raises what it does."""
        try:
            with self._opened() as found:
                done = self._notary.round(found)
        except UnbrokenError as error:
            self.standing.failed(error)
            raise
        else:
            self._done(done)
            return done
        finally:
            self._after(self.standing)

    def run(self) -> NoReturn:
        """Never returns. Raises what is wrong with how it was set up, as long as nothing has gone well yet."""
        while True:
            try:
                with self._opened() as found:
                    self._attend(found)
            except UnbrokenError as error:
                self._failed(error)
            time.sleep(self._look_s)

    def _attend(self, found: Checkpoints) -> NoReturn:
        while True:
            # The newest incarnation: after a loss the log goes on under the next one.
            self._step(Checkpoints(found.connection, self._log))
            self._has_begun = True
            self._after(self.standing)
            time.sleep(min(self._look_s, max(self._due - time.monotonic(), 0.0)))

    def _step(self, found: Checkpoints) -> None:
        if time.monotonic() < self._due:
            self.standing.well(self._notary.watch(found), at=utc_now())
            return
        # First of all, so that what waits goes on although the key can't be reached.
        self._notary.watch(found)
        self._failed_rounds += 1
        self._due = time.monotonic() + min(self._look_s * 2**self._failed_rounds, self._every_s, _LONGEST_WAIT_S)
        done = self._notary.round(found)
        self._failed_rounds = 0
        self._due = time.monotonic() + self._every_s
        self._done(done)

    def _done(self, done: Round) -> None:
        self.standing.well(done.state, at=utc_now(), signed=done.signed)
        self._told(done)

    def _failed(self, error: UnbrokenError) -> None:
        if not self._has_begun and isinstance(error, ConfigurationError | AccessDeniedError):
            raise error
        self.standing.failed(error)
        self._told(error)
        self._after(self.standing)
