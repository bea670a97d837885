"""The published script of attacks (postgres-attacks.sql), run through psql, and what its lines say."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.conftest import SHARED, Server

SCRIPT: Final = SHARED / "reference" / "postgres-attacks.sql"
NAMES: Final = Path(__file__).parent / "names.psql"

NOT_APPLICABLE: Final = {
    "R1": "a recipe, which the script does not run: a hold and a purge at the same time. `test_hold_races.py` does",
}
"""Of the script's checks, those that it leaves to others."""

_VERDICT: Final = re.compile(r"(PASS|FAIL|ADAPT|NOTE|RESIDUAL) ([PW]\d\d[a-z]?)\b(.*)")


@dataclass(frozen=True)
class Ran:
    """What the script said of each check, its exit status, and its line of totals."""

    verdicts: dict[str, tuple[str, str]]
    status: int
    totals: tuple[int, int, int]

    def of(self, verdict: str) -> set[str]:
        return {name for name, (said, _) in self.verdicts.items() if said == verdict}


def obstacle() -> str | None:
    """Why the script can't be run here, if it can't."""
    if not SCRIPT.exists():
        return f"the published script is not there: {SCRIPT.name}"
    return None if shutil.which("psql") else "psql is not installed"


def run_script(server: Server, name: str, **variables: str) -> Ran:
    """Runs it in a database as a superuser, with these psql variables."""
    given = [part for pair in variables.items() for part in ("-v", "=".join(pair))]
    connection = ["-h", server.host, "-p", str(server.port), "-U", "postgres", "-d", name]
    done = subprocess.run(
        [str(shutil.which("psql")), "-X", *connection, *given, "-f", str(SCRIPT)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = [_VERDICT.match(line) for line in done.stdout.splitlines()]
    totals = re.search(r"passed (\d+)\s+failed (\d+)\s+to adapt (\d+)", done.stdout)
    assert totals is not None, done.stdout + done.stderr
    return Ran(
        {match[2]: (match[1], match[3].strip()) for match in found if match},
        done.returncode,
        (int(totals[1]), int(totals[2]), int(totals[3])),
    )


@contextmanager
def cluster_restored(server: Server) -> Iterator[None]:
    """Takes back what the script does to the cluster: new roles, memberships and grants on parameters."""
    before = _cluster(server)
    try:
        yield
    finally:
        for statement in sorted(_cluster(server) - before, reverse=True):
            server.execute(statement)
        assert _cluster(server) == before


def _cluster(server: Server) -> set[str]:
    """Each role, membership and grant on a parameter, as the statement that ends it."""
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        rows = connection.execute(
            "select format('drop role %I', rolname) from pg_roles"
            " union all select format('revoke %I from %I', roleid::regrole::text, member::regrole::text)"
            " from pg_auth_members"
            " union all select format('revoke set on parameter %I from %I', parname, a.grantee::regrole::text)"
            " from pg_parameter_acl, aclexplode(paracl) a where a.grantee <> 10 and a.privilege_type = 'SET'"
        ).fetchall()
    return {row[0] for row in rows}
