"""Attacks by who may record: another's name, another time, another log."""

from typing import Final

from tests.attacks.check import Check, Step, accepted, detected, nothing, refused, told_apart, tried
from tests.attacks.scene import Scene
from tests.attacks.verdict import Result

_DISARM: Final = (
    "do $$ declare t text; begin for t in select evtname from pg_event_trigger loop"
    " execute format('drop event trigger %I', t); end loop; end $$"
)
_TEMPORARY: Final[Step] = ("superuser", 'grant temporary on database "{database}" to public')


def _no_gap(scene: Scene) -> Result:
    """One entry is recorded, one rolled back, one recorded: the numbers must stand close together."""
    record = ("writer", "{record}")
    attempt = tried(scene, (record, ("writer", "savepoint s"), record, ("writer", "rollback to s"), record), keep=True)
    if attempt.state is not None:
        return Result("FAIL", f"could not be tried: {attempt.state} {attempt.message}")
    gaps = scene.value(scene.statement("{gaps}"))
    return Result("FAIL", f"{gaps} numbers are missing", worked=True) if gaps else Result("PASS", "no gap")


CHECKS: Final = (
    Check(
        id="P12a",
        who="writer, who was given TEMP",
        tried="puts a temporary table with a grant of its own making before the real one, and records into another log",
        stands="functions look in pg_temp last",
        judge=refused(
            _TEMPORARY,
            ("writer", "{false_permit}"),
            ("writer", "{false_permit_for_all}"),
            ("writer", "{record_elsewhere_with_permit}"),
            by=("UB003",),
        ),
        alone=True,
    ),
    Check(
        id="P12b",
        who="writer",
        tried="makes a temporary table",
        stands="no TEMP on the database",
        judge=refused(("writer", "create temporary table shadow (a int)")),
    ),
    Check(
        id="P12c",
        who="catalogue",
        tried="a function with its owner's rights that looks in pg_temp before it looks in the schema",
        stands="search_path is fixed, pg_temp last",
        judge=nothing("definer_functions_open_to_temporary_objects"),
    ),
    Check(
        id="P12d",
        who="compliance, who was given TEMP",
        tried="puts a temporary table with a ticket of its own making before the real one, and reads",
        stands="functions look in pg_temp last",
        judge=refused(
            _TEMPORARY,
            ("compliance", "{false_ticket}"),
            ("compliance", "{false_ticket_for_all}"),
            ("compliance", "{read_again}"),
            by=("UB007",),
        ),
        alone=True,
    ),
    Check(
        id="P12e",
        who="catalogue",
        tried="a login that may make temporary objects at all",
        stands="revoked from PUBLIC",
        judge=nothing("logins_that_may_make_temporary_objects"),
    ),
    Check(
        id="P19b",
        who="writer",
        tried="records an event whose own time lies years back",
        stands="`recorded_at` is the server's clock; the writer's time is a claim in the event",
        judge=told_apart(("writer", "{record_past}"), expected=True),
    ),
    Check(
        id="P21",
        who="writer",
        tried="a rolled back record leaves a gap, so that gaps mean nothing",
        stands="numbers are given under the log's lock, from the newest entry",
        judge=_no_gap,
        alone=True,
    ),
    Check(
        id="W01",
        who="writer",
        tried="names somebody else to an inner function",
        stands="no EXECUTE; the name is session_user",
        judge=refused(("writer", "{record_as}")),
    ),
    Check(
        id="W01b",
        who="writer",
        tried="records as it should",
        stands="a control: it must go through",
        judge=accepted(("writer", "{record}")),
        sound="a control",
    ),
    Check(
        id="W12a",
        who="owner",
        tried="inserts an entry by hand",
        stands="found by the verifier",
        judge=detected(("owner", "{append_now}")),
        alone=True,
    ),
    Check(
        id="W13",
        who="superuser",
        tried="takes all guards away and rewrites entries",
        stands="found by the verifier; done consistently to the end, by a head that was kept outside alone",
        judge=detected(
            (
                "superuser",
                _DISARM,
            ),
            ("superuser", "alter table {entries} disable trigger all"),
            ("superuser", "alter table {partition} disable trigger all"),
            ("superuser", "{change_entry}"),
        ),
        alone=True,
    ),
    Check(
        id="U01",
        who="writer",
        tried="forges one of the log's own words (`log.*`)",
        stands="a closed list of types at the door",
        judge=refused(("writer", "{record_own_word}"), by=("UB001",)),
    ),
    Check(
        id="U02",
        who="writer of one log",
        tried="records into another",
        stands="its grant is on one log; the same message as for no such log",
        judge=refused(("writer", "{record_elsewhere}"), by=("UB003",)),
    ),
)
