"""What several processes that run tests are given, and in which order: what takes long first, so that none works alone
at the end.

A module's tests stay together, as they share fixtures; those on the second server are a lot of their own, and in some
modules each test is.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

SECONDS: Final[Mapping[str, int]] = {
    "database/test_guards.py": 100,
    "database/test_door.py": 90,
    "database/test_embedded.py": 80,
    "database/test_injection.py": 70,
    "faults/test_faults.py": 60,
    "system/test_documents.py": 60,
    "attacks/test_attacks.py": 50,
    "database/test_deadlines.py": 50,
    "database/test_poolers.py": 50,
    "database/test_replay.py": 50,
    "database/test_role_matrix.py": 50,
    "database/test_tampering.py": 50,
    "erasing/test_restored.py": 50,
    "system/test_cli_access.py": 50,
    "system/test_verify_page.py": 50,
    "system/test_wheel.py": 50,
    "database/test_db_check.py": 40,
    "database/test_name_shadowing.py": 40,
    "unit/test_redaction_hostile.py": 40,
    "database/test_investigations.py": 30,
    "database/test_migrations.py": 30,
    "database/test_partitions.py": 30,
    "planted/test_planted.py": 30,
    "restoring/test_continued.py": 30,
    "system/test_bench_queries.py": 30,
    "system/test_cli.py": 30,
    "system/test_cli_database.py": 30,
    "system/test_cli_names.py": 30,
    "system/test_cli_query.py": 30,
    "system/test_cli_reading.py": 30,
    "system/test_cli_subject.py": 30,
    "system/test_demo.py": 30,
    "unit/test_spool_crashes.py": 30,
    "database/test_db_restore.py": 20,
    "database/test_erased_verified.py": 20,
    "database/test_identities_door.py": 20,
    "database/test_reading_closed.py": 20,
    "database/test_rewritten.py": 20,
    "database/test_spooling.py": 20,
    "erasing/test_any_order.py": 20,
    "restoring/test_people.py": 20,
    "system/test_cli_checkpoint.py": 20,
    "system/test_cli_export.py": 20,
    "system/test_cli_hold.py": 20,
    "system/test_cli_masked.py": 20,
    "system/test_cli_vacuum.py": 20,
    "system/test_cli_vault.py": 20,
}
"""About how long a module takes, from 20 seconds on. All others go by the number of their tests."""
_EACH: Final = 0.1
_APART: Final = frozenset({"faults/test_faults.py", "system/test_documents.py"})
"""Modules whose tests share nothing, and take seconds each."""


class LongestFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out lots in the order in which their first tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return _lot(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest lots first."""
    sizes = Counter(_lot(item.nodeid) for item in items)
    items.sort(key=lambda item: -SECONDS.get(_module(item.nodeid), _EACH * sizes[_lot(item.nodeid)]))


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0].removeprefix("tests/")


def _lot(nodeid: str) -> str:
    module = _module(nodeid)
    if module in _APART:
        return nodeid
    return f"{module} on the second server" if "debian15" in nodeid else module
