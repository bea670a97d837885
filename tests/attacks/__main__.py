"""``python -m tests.attacks``: runs every check on the embedded server, and writes docs/attacks.md anew."""

import sys

from tests.attacks import document
from tests.attacks.installed import INSTALLED, installed_template
from tests.attacks.run import run_all
from tests.attacks.scene import outsiders
from tests.attacks.weak import WEAK, weak_template
from tests.conftest import _SERVERS, LOGINS
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.migrations import install


def main() -> None:
    """Ends with 1 where an attack worked."""
    for server in _SERVERS["embedded"]():
        with connect(server.conninfo("postgres", "postgres")) as connection:
            install(connection)
            for login in LOGINS:
                administration.add_login(connection, login, duty=login.rstrip("2"), password=None)
        with outsiders(server):
            with installed_template(server) as template:
                installed = run_all(server, INSTALLED, template=template)
            with weak_template(server) as template:
                weak = run_all(server, WEAK, template=template)
    tables = {"checks": document.checks(installed, weak), "review": document.review(), "script": document.script()}
    document.replace(tables)
    failed = [f"{name}: {result.seen}" for name, result in installed.items() if result.verdict == "FAIL"]
    print("\n".join(failed) or f"{len(installed)} checks, none of which failed")
    sys.exit(bool(failed))


main()
