"""What a session has prepared may be older than the schema, or gone: the recorder goes on without it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.raw import sent
from unbroken.core.entry import Part
from unbroken.store.log_writer import LogWriter

ARGUMENTS = "text, text[], text[], bytea[], text[], bytea[], text[], bytea[], text, bytea[]"


@pytest.fixture
def writer(database: Database) -> Iterator[LogWriter]:
    with closing(LogWriter(database.conninfo("writer"), LOG)) as made:
        yield made


def one() -> tuple[list[bytes], list[dict[str, Part]]]:
    return [str(sent().text).encode()], [{}]


def prepared(writer: LogWriter) -> int:
    ((count,),) = writer._connection.execute(
        "select count(*) from pg_prepared_statements where not from_sql"
    ).fetchall()
    return int(str(count))


def test_a_function_that_was_replaced_with_another_result_is_called_all_the_same(
    database: Database, writer: LogWriter
) -> None:
    """As `unbroken init` of another release may do under a recorder that stays connected."""
    writer.append(*one())
    assert prepared(writer) > 0
    database.disarm()
    database.admin.execute(
        "alter function unbroken.append(@) rename to append_before;"
        "create function unbroken.append(@@ default null, bytea[] default null)"
        " returns table (seq integer, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)"
        " language sql security definer set search_path = unbroken, pg_temp"
        " return (select (seq::integer, session_seq, recorded_at, prev_hash, hash)"
        "         from unbroken.append_before($1, $2, $3, $4, $5, $6, $7, $8, $9, $10));"
        "grant execute on function unbroken.append(@) to unbroken_writer".replace(
            "@@", ARGUMENTS.removesuffix(", bytea[]")
        )
        .replace("@", ARGUMENTS)
        .encode()
    )
    assert [writer.append(*one())[0].seq for _ in range(2)] == [2, 3]
    assert not writer.broken
    assert raw.both_accept(database) == 3


def test_statements_that_the_session_has_forgotten_are_sent_again(database: Database, writer: LogWriter) -> None:
    """As after a pooler that nobody noticed."""
    writer.append(*one())
    writer._connection.pgconn.exec_(b"deallocate all")
    assert [writer.append(*one())[0].seq for _ in range(2)] == [2, 3]
    assert raw.both_accept(database) == 3


def test_statements_that_somebody_else_has_prepared_stand_in_nobodys_way(database: Database, writer: LogWriter) -> None:
    for number in range(20):
        writer._connection.pgconn.exec_(f"prepare _pg3_{number} as select 'somebody else''s'".encode())
    assert [writer.append(*one())[0].seq for _ in range(2)] == [1, 2]
    assert raw.both_accept(database) == 2
