"""When recording fails: nothing goes on in that turn, whoever swallows the first error."""

from contextlib import suppress

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, only, receipts, refused, types
from unbroken.capture import Trail
from unbroken.errors import AccessDeniedError, InvalidEventError, RecordingStoppedError
from unbroken.ledger.ledger import Ledger


class Hand:
    """Counts how often a side effect happened."""

    def __init__(self, trail: Trail) -> None:
        self.moved = 0
        self.move = trail.tool(side_effect=True)(self._move)

    def _move(self) -> None:
        self.moved += 1


@pytest.fixture
def hand(trail: Trail) -> Hand:
    return Hand(trail)


def test_a_tool_that_can_not_be_recorded_does_not_run(
    trail: Trail, hand: Hand, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with session.turn(), refused(database, ledger):
            hand.move()

    with trail.session(actor="u") as session, pytest.raises(AccessDeniedError):
        run()
    assert hand.moved == 0
    assert types(entries) == ["conversation_started", "request", "conversation_ended"]


def test_after_a_swallowed_failure_everything_in_the_turn_is_refused(
    trail: Trail, hand: Hand, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with session.turn() as turn:
            with refused(database, ledger), suppress(AccessDeniedError):
                hand.move()
            for attempt in (
                hand.move,
                lambda: turn.model_call("m-1"),
                lambda: turn.respond("done"),
                lambda: turn.record("reviewed"),
                lambda: trail.record("reviewed"),
                lambda: session.turn().__enter__(),
                lambda: trail.session(actor="u").__enter__(),
            ):
                with pytest.raises(RecordingStoppedError) as stopped:
                    attempt()
                assert isinstance(stopped.value.__cause__, AccessDeniedError)

    with trail.session(actor="u") as session:
        with pytest.raises(RecordingStoppedError):
            run()
        assert hand.moved == 0
        with session.turn() as turn:
            hand.move()
            turn.respond("a new turn may try again")
    assert hand.moved == 1
    assert types(entries)[:3] == ["conversation_started", "request", "request"]


def test_a_failure_in_a_nested_turn_stops_the_turn_around_it(
    trail: Trail, hand: Hand, database: Database, ledger: Ledger
) -> None:
    def nested() -> None:
        with session.turn(), refused(database, ledger):
            hand.move()

    def run() -> None:
        with session.turn():
            with suppress(AccessDeniedError):
                nested()
            with suppress(RecordingStoppedError):
                hand.move()

    with trail.session(actor="u") as session, pytest.raises(RecordingStoppedError):
        run()
    assert hand.moved == 0


def test_a_failure_that_leaves_the_turn_is_not_disguised(trail: Trail, database: Database, ledger: Ledger) -> None:
    def run() -> None:
        with session.turn() as turn:
            try:
                with refused(database, ledger):
                    turn.respond()
            except AccessDeniedError as error:
                first.append(error)
                raise

    first: list[BaseException] = []
    with trail.session(actor="u") as session:
        with pytest.raises(AccessDeniedError) as caught:
            run()
        assert caught.value is first[0]


@pytest.mark.parametrize("around", ["tool", "model call"])
def test_a_failure_comes_unchanged_through_what_is_around_it(
    trail: Trail, hand: Hand, entries: Entries, database: Database, ledger: Ledger, around: str
) -> None:
    @trail.tool
    def tool() -> None:
        with refused(database, ledger):
            hand.move()

    def run() -> None:
        with session.turn() as turn:
            if around == "tool":
                tool()
            with turn.model_call("m-1"), refused(database, ledger):
                hand.move()

    with trail.session(actor="u") as session, pytest.raises(AccessDeniedError):
        run()
    assert types(entries)[3:] == ["conversation_ended"]


def test_a_failure_behind_another_exception_is_brought_out(trail: Trail, database: Database, ledger: Ledger) -> None:
    wrapped = RuntimeError("the framework's own")

    def run() -> None:
        with session.turn() as turn:
            try:
                with refused(database, ledger):
                    turn.respond()
            except AccessDeniedError:
                raise wrapped from None

    with trail.session(actor="u") as session:
        with pytest.raises(RecordingStoppedError) as caught:
            run()
        assert caught.value.__cause__ is wrapped


def test_when_an_error_can_not_be_recorded_the_failure_is_raised_from_it(
    trail: Trail, database: Database, ledger: Ledger
) -> None:
    error = ValueError("kaput")

    def run() -> None:
        with session.turn():
            grant.enter()
            raise error

    grant = _Refusal(database, ledger)
    with trail.session(actor="u") as session:
        try:
            with pytest.raises(AccessDeniedError) as caught:
                run()
        finally:
            grant.leave()
        assert caught.value.__cause__ is error


class _Refusal:
    """:func:`refused` without a block, to outlast one."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._manager = refused(database, ledger)

    def enter(self) -> None:
        self._manager.__enter__()

    def leave(self) -> None:
        self._manager.__exit__(None, None, None)


def test_when_a_result_can_not_be_recorded_the_call_stands_alone_and_raises(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    grant = _Refusal(database, ledger)

    @trail.tool(side_effect=True)
    def send() -> None:
        grant.enter()

    with trail.session(actor="u") as session:
        try:
            with pytest.raises(AccessDeniedError), session.turn():
                send()
        finally:
            grant.leave()
    assert types(entries) == ["conversation_started", "request", "tool_call", "conversation_ended"]


def test_a_value_that_can_not_be_recorded_stops_the_turn_and_the_log_says_so(
    trail: Trail, hand: Hand, entries: Entries
) -> None:
    cycle: dict[str, object] = {}
    cycle["again"] = cycle

    @trail.tool
    def strange() -> object:
        return cycle

    def run() -> None:
        with session.turn():
            with suppress(InvalidEventError):
                strange()
            hand.move()

    with trail.session(actor="u") as session, pytest.raises(RecordingStoppedError):
        run()
    assert hand.moved == 0
    assert types(entries) == ["conversation_started", "request", "tool_call", "error", "conversation_ended"]
    assert only(entries, "error")["details"]["error_type"] == "unbroken.errors.InvalidEventError"


def test_a_broken_connection_is_made_anew(trail: Trail, entries: Entries, database: Database) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        writer = receipts([trail.record("annotated")])[0].writer
        database.admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where usename = %s and datname = current_database()",
            (writer,),
        )
        turn.respond("still here")
    assert types(entries)[-2:] == ["response", "conversation_ended"]


def test_a_refused_request_does_not_begin_the_turn(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with refused(database, ledger), session.turn("hello"):
            pytest.fail("the block ran")

    with trail.session(actor="u") as session, pytest.raises(AccessDeniedError):
        run()
    assert types(entries) == ["conversation_started", "conversation_ended"]
    assert only(entries, "conversation_ended")["details"]["turns"] == 0


def test_the_message_for_models_tells_nothing(trail: Trail, hand: Hand, database: Database, ledger: Ledger) -> None:
    with trail.session(actor="u") as session, suppress(RecordingStoppedError), session.turn():
        with refused(database, ledger), suppress(AccessDeniedError):
            hand.move()
        with pytest.raises(RecordingStoppedError) as caught:
            hand.move()
    assert str(caught.value) == "This action was not carried out because it could not be recorded."
