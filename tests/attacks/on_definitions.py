"""Attacks by who owns the schema: taking away what stands in the way."""

from typing import Final

from tests.attacks.check import APPEND_ONLY, DENIED, GUARDED, Check, accepted, nothing, refused

_SEAL: Final = "the guard on definitions: after every command the catalogue must be as it was sealed"
_NOOP: Final = "begin return coalesce(new, old); end"
_MOVES: Final = (*DENIED, *GUARDED)
"""The owner lacks CREATE on the database, unless somebody gave it to it; then the guard refuses."""

CHECKS: Final = (
    Check(
        id="P01a",
        who="owner",
        tried="takes FORCE off a table, to read it without policies",
        stands=_SEAL,
        judge=refused(("owner", "alter table {payloads} no force row level security"), by=GUARDED),
    ),
    Check(
        id="P01b",
        who="catalogue",
        tried="a table or partition without forced row-level security",
        stands="enabled and forced on all of them, and on each partition as it is attached",
        judge=nothing("tables_without_forced_policies"),
    ),
    Check(
        id="P01c",
        who="catalogue",
        tried="somebody who is, or can become, the owner",
        stands="NOLOGIN, and no member after an installation by a superuser",
        judge=nothing("people_who_are_the_owner"),
    ),
    Check(
        id="P05a",
        who="owner",
        tried="TRUNCATE of one partition",
        stands="a trigger of its own on every partition",
        judge=refused(("owner", "truncate {partition} cascade"), by=APPEND_ONLY),
    ),
    Check(
        id="P05b",
        who="catalogue",
        tried="a table or partition whose TRUNCATE no trigger refuses, always",
        stands="made together with each table and partition",
        judge=nothing("tables_that_can_be_truncated"),
    ),
    Check(
        id="P05c",
        who="catalogue",
        tried="a table whose UPDATE or DELETE meets no trigger that fires always",
        stands="each has one that refuses, or that looks at what may change; but `denials`, which counts",
        judge=nothing("tables_whose_rows_can_change"),
    ),
    Check(
        id="P07",
        who="owner",
        tried="ALTER TABLE … DISABLE TRIGGER USER",
        stands=_SEAL,
        judge=refused(("owner", "alter table {entries} disable trigger user"), by=GUARDED),
    ),
    Check(
        id="P07b",
        who="owner",
        tried="drops or replaces a policy",
        stands=_SEAL,
        judge=refused(("owner", "create policy more on {payloads} for select to public using (true)"), by=GUARDED),
    ),
    Check(
        id="P07c",
        who="owner",
        tried="grants a table to everybody",
        stands=_SEAL,
        judge=refused(("owner", "grant select on {payloads} to public"), by=GUARDED),
    ),
    Check(
        id="P08a",
        who="owner",
        tried="detaches a partition, whose triggers then are gone",
        stands=_SEAL,
        judge=refused(("owner", "alter table {entries} detach partition {partition}"), by=GUARDED),
    ),
    Check(
        id="P08b",
        who="owner",
        tried="drops a partition",
        stands=_SEAL,
        judge=refused(("owner", "drop table {partition} cascade"), by=GUARDED),
    ),
    Check(
        id="P09",
        who="owner",
        tried="puts an empty body in the place of the guards' function",
        stands=_SEAL,
        judge=refused(
            (
                "owner",
                "create or replace function {guard} returns trigger language plpgsql as '" + _NOOP + "'",
            ),
            by=GUARDED,
        ),
    ),
    Check(
        id="P10a",
        who="superuser under session_replication_role = replica",
        tried="deletes entries, as the apply worker of a subscription would",
        stands="triggers are ENABLE ALWAYS",
        judge=refused(("replica", "delete from {entries}"), by=APPEND_ONLY),
    ),
    Check(
        id="P10b",
        who="catalogue",
        tried="a parameter that switches guards off, given to somebody",
        stands="none is given; a cluster-wide fact that `unbroken db check` looks at, too",
        judge=nothing("parameters_given_away"),
    ),
    Check(
        id="P10c",
        who="ops",
        tried="sets session_replication_role",
        stands="a superuser's parameter",
        judge=refused(("ops", "set local session_replication_role = replica")),
    ),
    Check(
        id="P11a",
        who="catalogue",
        tried="a guard that does not fire on a subscriber",
        stands="all are ENABLE ALWAYS",
        judge=nothing("triggers_that_do_not_always_fire"),
    ),
    Check(
        id="P11b",
        who="catalogue",
        tried="a publication that carries more than inserts",
        stands="there is none; adding a table to one changes the sealed catalogue",
        judge=nothing("publications_of_changes"),
    ),
    Check(
        id="P15a",
        who="owner",
        tried="DROP SCHEMA … CASCADE",
        stands="the guard listens to sql_drop and lives in a schema of its own",
        judge=refused(("owner", "drop schema {schema} cascade"), by=GUARDED),
    ),
    Check(
        id="P15b",
        who="owner",
        tried="DROP OWNED … CASCADE",
        stands="the guard listens to sql_drop",
        judge=refused(("owner", "drop owned by {owner} cascade"), by=GUARDED),
    ),
    Check(
        id="P15c",
        who="owner",
        tried="renames the schema",
        stands="no CREATE on the database; with it, the guard on definitions",
        judge=refused(("owner", "alter schema {schema} rename to gone"), by=_MOVES),
    ),
    Check(
        id="P15d",
        who="owner, who was given CREATE on the database",
        tried="renames the schema",
        stands=_SEAL,
        judge=refused(
            ("superuser", 'grant create on database "{database}" to {owner}'),
            ("owner", "alter schema {schema} rename to gone"),
            by=GUARDED,
        ),
        alone=True,
    ),
    Check(
        id="P23",
        who="catalogue",
        tried="an object of another owner, as a restore without owners leaves it",
        stands="all belong to the owner; look at it after every restore",
        judge=nothing("objects_of_another_owner"),
    ),
    Check(
        id="W08b",
        who="owner",
        tried="rewrites a payload",
        stands="the guard on rows",
        judge=refused(("owner", "{change_payload}"), by=APPEND_ONLY),
    ),
    Check(
        id="W08c",
        who="owner",
        tried="deletes payloads",
        stands="the guard on rows",
        judge=refused(("owner", "delete from {payloads}"), by=APPEND_ONLY),
    ),
    Check(
        id="W08d",
        who="owner",
        tried="deletes entries",
        stands="the guard on rows",
        judge=refused(("owner", "delete from {entries}"), by=APPEND_ONLY),
        sound="its guard on rows works as long as nobody switches it off: P07 and P10a do",
    ),
    Check(
        id="W14a",
        who="catalogue",
        tried="the guards on definitions are not there, or switched off",
        stands="two event triggers, ENABLE ALWAYS, where a superuser installed",
        judge=nothing("missing_event_triggers"),
    ),
    Check(
        id="W14b",
        who="owner",
        tried="drops the guard on definitions",
        stands="it belongs to a superuser",
        judge=refused(("owner", "drop event trigger unbroken_refuse_ddl")),
        sound="there is none to drop: W14a",
    ),
    Check(
        id="W14c",
        who="superuser",
        tried="makes something else in the same database",
        stands="a control: it must go through",
        judge=accepted(("superuser", "create table public.somebody_elses (a int)")),
        sound="a control",
    ),
)
