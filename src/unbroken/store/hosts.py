"""The hosts that a connection string means, one after another, so that none of them takes all the time there is."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from time import monotonic
from typing import Final, TypeVar

from psycopg.conninfo import conninfo_attempts, conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn

from unbroken.store.tls import is_local, with_tls
from unbroken.store.waiting import NoAnswerError

T = TypeVar("T")

_CHOOSING: Final = ("host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts")


def hosts_of(conninfo: str, *, deadline: float, writes: bool, **defaults: str | int) -> list[str]:
    """A connection string for each address to try, in order; ``defaults`` are for what ``conninfo`` leaves open.

    With ``writes`` each asks for a server that takes them, unless ``conninfo`` asks for another kind. Raises psycopg's
    ``ProgrammingError`` when ``conninfo`` can't be read, its ``OperationalError`` when no name can be resolved, and
    :class:`NoAnswerError` when that takes until the ``deadline``.
    """
    given = conninfo_to_dict(conninfo)
    settings = settings_of(conninfo)
    if writes and settings.get("target_session_attrs") == "any":
        settings["target_session_attrs"] = "read-write"
    chosen = defaults | given | {key: settings[key] for key in _CHOOSING if key in settings}
    attempts = (
        conninfo_attempts(chosen) if is_local(settings) else _in_time(lambda: conninfo_attempts(chosen), deadline)
    )
    texts = ({key: str(value) for key, value in attempt.items()} for attempt in attempts)
    return [make_conninfo(**with_tls(text, settings, stated="sslmode" in given)) for text in texts]


def settings_of(conninfo: str) -> dict[str, str]:
    """What the client library makes of a connection string, the environment and the service file together.

    It tells only of a connection that it was told to make; this one is refused before anything is sent.
    """
    refused = PGconn.connect_start(make_conninfo(conninfo, channel_binding="refused").encode())
    try:
        return {option.keyword.decode(): option.val.decode() for option in refused.info if option.val}
    finally:
        refused.finish()


def _in_time(work: Callable[[], T], deadline: float) -> T:
    """The result of ``work``, which nothing can interrupt, from a thread that is left behind at the deadline."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            result.set_exception(error)

    try:
        Thread(target=run, name="unbroken-resolve", daemon=True).start()
    except RuntimeError:
        # A process that is ending begins no thread any more.
        return work()
    try:
        return result.result(max(0.0, deadline - monotonic()))
    except TimeoutError as error:
        raise NoAnswerError("the names of the hosts could not be resolved in time") from error
