"""A place in a conversation as data, for the processes that context variables don't reach."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from unbroken.capture.activity import Activity
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, current, inside
from unbroken.core.canonical import canonical
from unbroken.core.event import Event
from unbroken.core.normalise import normalise
from unbroken.errors import ConfigurationError, InvalidEventError, RecordingStoppedError
from unbroken.ledger.draft import draft
from unbroken.ledger.protection import AS_GIVEN

MAX_CARRIED_BYTES: Final = 2**16
"""The largest place, as JSON."""
_OF_ONE_EVENT: Final = frozenset(
    {"decision", "details", "event_type", "id", "inputs", "original", "outputs", "recorder", "recorder_seq", "ts"}
)
_KEYS: Final = frozenset(Event.__struct_fields__) - _OF_ONE_EVENT | {"log"}


def carry(recorder: Recorder) -> dict[str, Any]:
    """The current scope's fields, the call id and the log's name; empty outside any scope."""
    scope = current(recorder)
    if scope is None:
        return {}
    if scope.activity is not None:
        scope.activity.unstarted.carried = True
    fields = {**scope.fields, "call_id": scope.call_id, "log": recorder.ledger.log}
    place = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in fields.items()
        if value not in (None, ())
    }
    _check(recorder, place)
    return place


@contextmanager
def carried(recorder: Recorder, place: Mapping[str, Any]) -> Iterator[None]:
    """In a block: ``place`` is where things happen, until a write fails, after which nothing is let through."""
    _check(recorder, place)
    if not place:
        yield
        return
    fields = {key: value for key, value in place.items() if key not in ("call_id", "log")}
    activity = Activity()
    failed: BaseException | None = None
    try:
        with inside(Scope(recorder, fields, activity=activity, call_id=place.get("call_id"))):
            yield
    except BaseException as error:
        failed = error
        raise
    finally:
        if activity.stop.failure is not None and not activity.stop.told_by(failed):
            raise RecordingStoppedError from (failed or activity.stop.failure)


def _check(recorder: Recorder, place: object) -> None:
    """Raises :class:`ConfigurationError` for what :func:`carry` can't have made; its content is not repeated."""
    if not isinstance(place, Mapping):
        raise ConfigurationError("a carried place is the dict that carry() gave")
    if not place:
        return
    if not _KEYS.issuperset(place):
        raise ConfigurationError("a carried place has a key that none has, or that belongs to one event alone")
    if not _is_same_log(place.get("log"), recorder.ledger.log):
        raise ConfigurationError("a carried place is of another log than this trail's")
    try:
        size = len(canonical(normalise(place)))
        draft("annotated", protection=AS_GIVEN, **{key: value for key, value in place.items() if key != "log"})
    except InvalidEventError as error:
        raise ConfigurationError("a carried place has a value that no event can have") from error
    if size > MAX_CARRIED_BYTES:
        raise ConfigurationError(f"a carried place is over {MAX_CARRIED_BYTES} bytes")


def _is_same_log(carried: object, own: str) -> bool:
    """Whether both are of one origin and, where both have been reached and know it, of one incarnation."""
    if not isinstance(carried, str):
        return False
    origin, _, incarnation = carried.partition("~")
    own_origin, _, own_incarnation = own.partition("~")
    return origin == own_origin and (incarnation == own_incarnation or not incarnation or not own_incarnation)
