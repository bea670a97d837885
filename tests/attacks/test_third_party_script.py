"""The published script of attacks, which is not ours: it fails on its own weak schema, and on nothing that is ours."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.attacks.installed import GO_AT_ONCE
from tests.attacks.third_party import NAMES, cluster_restored, obstacle, run_script
from tests.conftest import LOG, Server, plant_grants
from tests.database import raw
from tests.database.policies import proposed
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.migrations import install

pytestmark = pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))

SOUND_IN_ITS_LAB = {"W03c", "W06b", "W08d"}
"""What its own weak schema withstands, as it says itself; the other 58 of 61 must fail there."""

TWO_PEOPLE = ("unbroken_t_legal1", "unbroken_t_legal2")
"""Logins that the script makes for itself."""

ACTING = ("writer", "ops", "compliance", "legal", "dpo", "retention", "verifier")


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    name = f"script_{uuid.uuid4().hex}"
    with cluster_restored(server):
        server.execute("create database {}", name)
        try:
            yield name
        finally:
            server.execute("drop database {} with (force)", name)


@pytest.fixture
def installed(server: Server, empty: str) -> str:
    """The schema with three entries, and grants for the groups themselves, which the script acts as."""
    server.execute("revoke temporary on database {} from public", empty)
    server.execute("create role unbroken_subject_service in role unbroken_subjects")
    with connect(server.conninfo("postgres", empty)) as connection:
        install(connection)
        administration.create_log(connection, LOG)
        for duty in ACTING:
            administration.install_grant(connection, LOG, f"unbroken_{duty}", duty=duty)
        plant_grants(connection, [(login, "legal") for login in TWO_PEOPLE])
    with psycopg.connect(server.conninfo("postgres", empty), autocommit=True) as acting:
        acting.execute("set session authorization unbroken_compliance")
        version = proposed(acting, GO_AT_ONCE)
        acting.execute("set session authorization unbroken_legal")
        acting.execute("select unbroken.confirm_policies(%s, %s::integer)", (LOG, version))
        acting.execute("set session authorization unbroken_writer")
        raw.append(acting, [raw.sent({"inputs": '{"n":1}'}) for _ in range(3)])
        # With a ticket, it is the column that operations are refused.
        acting.execute("set session authorization unbroken_ops")
        acting.execute("select from unbroken.open_ticket(%s, 'attacks', null, '{}', '1 hour')", (LOG,))
    return empty


def test_its_own_weak_schema_fails_as_it_says(server: Server, empty: str) -> None:
    ran = run_script(server, empty, lab="1")
    assert (ran.of("PASS"), ran.of("ADAPT")) == (SOUND_IN_ITS_LAB, set()), ran
    assert (len(ran.of("FAIL")), ran.totals) == (58, (3, 58, 0))
    assert ran.status == 3


def test_the_installed_schema_withstands_it(server: Server, installed: str) -> None:
    ran = run_script(server, installed, names=str(NAMES))
    assert {name: ran.verdicts[name] for name in ran.of("FAIL") | ran.of("ADAPT")} == {}
    assert ran.totals == (61, 0, 0), ran
    assert ran.of("RESIDUAL") == {"W13"}
