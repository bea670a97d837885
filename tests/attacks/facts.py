"""The catalogue queries of facts.sql: each lists what should not be there."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from tests.attacks.scene import Scene

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)


def fact(scene: "Scene", name: str) -> list[str]:
    """What the query ``name`` finds in the target, in order."""
    target = scene.target
    values = {
        "schema": target.schema,
        "owner": target.owner,
        "groups": list(target.groups),
        "counters": list(target.counters),
        "logins": list(target.logins.values()),
    }
    with psycopg.connect(scene.server.conninfo("postgres", scene.name), autocommit=True) as connection:
        rows = connection.execute(_queries()[name].encode(), values).fetchall()
    return sorted(str(row[0]) for row in rows)


@cache
def _queries() -> dict[str, str]:
    _, *blocks = _NAME.split((Path(__file__).parent / "facts.sql").read_text(encoding="utf-8"))
    return dict(zip(blocks[::2], blocks[1::2], strict=True))
