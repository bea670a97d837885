"""What docs/tables.md shows of a changed table is what appears."""

import re
from pathlib import Path

from tests.conftest import LOG, Database
from tests.database.test_vault_door import value
from tests.system.cli import Cli
from tests.system.documents import ROOT, blocks

DOCUMENT = ROOT / "docs" / "tables.md"


def test_the_document_s_tampering_is_found_as_it_shows(database: Database, tmp_path: Path) -> None:
    grant = "select seq from unbroken.grant_access(%s, %s, %s, 'needed')"
    with database.connect("access") as access:
        granted = [value(access, grant, LOG, login, "ops") for login in ("first", "clara", "olga", "tom")]
    assert granted == [1, 2, 3, 4]
    database.disarm()
    (tampering,) = blocks(DOCUMENT, "sql")
    database.admin.execute(tampering.encode())
    done = Cli(database.conninfo("verifier"), tmp_path, {"UNBROKEN_LOG": LOG})("verify")
    (shown,) = blocks(DOCUMENT, "console")
    pattern = re.escape(shown.removeprefix("$ unbroken verify\n").strip()).replace("…", ".+")
    assert re.fullmatch(pattern, done.stdout.strip()), done.stdout
    assert done.returncode == 1
