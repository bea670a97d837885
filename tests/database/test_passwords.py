"""Passwords that change while a recorder is at work, and never appear in what it says."""

import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.conftest import LOG
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation, open_folder
from tests.plain import draft
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Receipt
from unbroken.store.connection import Conninfo, connect
from unbroken.store.log_writer import LogWriter


@pytest.fixture(scope="module")
def cluster(installation: Installation) -> Iterator[Cluster]:
    """A server that asks for a password over TCP, and trusts its Unix socket."""
    with open_folder("ub-hba-") as folder:
        rules = folder / "pg_hba.conf"
        rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        rules.chmod(0o644)
        with cluster_of(installation, settings={"hba_file": str(rules)}) as up:
            yield up


@dataclass
class Login:
    """The login ``writer`` and its password, which :meth:`change` changes and takes its sessions away with."""

    cluster: Cluster
    password: str = ""

    def change(self) -> str:
        """Sets a new password; sessions that are there end, as they do when secrets are rotated in earnest."""
        self.password = secrets.token_urlsafe(12)
        with self.cluster.admin() as admin:
            admin.execute(sql.SQL("alter role writer password {}").format(self.password))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'writer'")
        return self.password

    def conninfo(self, **given: str) -> str:
        """Over TCP, without a password unless it is given."""
        return make_conninfo(self.cluster.conninfo("writer", host="127.0.0.1"), **given)


@pytest.fixture
def login(cluster: Cluster) -> Login:
    made = Login(cluster)
    made.change()
    return made


def recording(conninfo: Conninfo) -> Ledger:
    return Ledger(lambda wait_s: LogWriter(conninfo, LOG, wait_s=wait_s), deadline_s=10)


def record(ledger: Ledger) -> int:
    (kept,) = ledger.record([draft("request", actor_id="u-1", actor_type="user", inputs="hello")])
    assert isinstance(kept, Receipt)
    return kept.seq


def test_a_function_is_asked_at_every_connect(login: Login) -> None:
    with closing(recording(lambda: login.conninfo(password=login.password))) as ledger:
        first = record(ledger)
        for count in range(1, 4):
            login.change()
            assert record(ledger) == first + count


def test_a_password_that_changes_between_the_question_and_its_use_is_asked_for_again(login: Login) -> None:
    asked: list[str] = []

    def source() -> str:
        asked.append(login.conninfo(password=login.password))
        if len(asked) == 2:
            login.change()
        return asked[-1]

    with closing(recording(source)) as ledger:
        first = record(ledger)
        login.change()
        assert record(ledger) == first + 1
    assert len(asked) == 3


def test_a_password_that_stays_wrong_is_told_after_one_more_question(login: Login) -> None:
    asked: list[int] = []

    def source() -> str:
        asked.append(1)
        return login.conninfo(password="wrong")

    with pytest.raises(AccessDeniedError):
        connect(source)
    assert len(asked) == 2
    with pytest.raises(AccessDeniedError):
        connect(login.conninfo(password="wrong"))


def test_a_password_file_is_read_at_every_connect(login: Login, tmp_path: Path) -> None:
    file = tmp_path / "passwords"

    def write() -> None:
        file.write_text(f"127.0.0.1:{login.cluster.port}:*:writer:{login.password}\n")
        file.chmod(0o600)

    write()
    with closing(recording(login.conninfo(passfile=str(file)))) as ledger:
        first = record(ledger)
        login.change()
        write()
        assert record(ledger) == first + 1


def test_a_source_that_fails_is_an_outage(login: Login) -> None:
    def broken() -> str:
        raise RuntimeError("no vault")

    with pytest.raises(UnavailableError, match="nothing was recorded") as caught:
        connect(broken)
    assert isinstance(caught.value.__cause__, RuntimeError)

    def decided() -> str:
        raise ConfigurationError("no such secret")

    with pytest.raises(ConfigurationError, match="no such secret"):
        connect(decided)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: f"{text} password=geheim7391",
        lambda text: f"{text} geheim7391",
        lambda text: f"{text} password='geheim7391",
        lambda text: f"{text} password=geheim7391 port=1",
        lambda text: f"{text} password=geheim7391 port=x",
        lambda text: f"{text} password=geheim7391 target_session_attrs=any geheim7391=x",
        lambda _: f"postgresql://writer:geheim7391@[{SUPERUSER}",
    ],
)
def test_no_error_quotes_a_password(login: Login, spoil: Callable[[str], str]) -> None:
    """Nor does what Python prints of it, with all its causes."""
    with pytest.raises((AccessDeniedError, ConfigurationError, UnavailableError)) as caught:
        connect(spoil(login.conninfo()))
    printed = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
    assert "geheim7391" not in "".join(line for part in printed.format() for line in _messages(part))


def _messages(text: str) -> list[str]:
    """What is printed without the lines of source, which show this test's own."""
    return [line for line in text.splitlines() if not line.startswith("    ")]


def test_a_login_that_does_not_exist_is_refused(cluster: Cluster) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        connect(make_conninfo(cluster.conninfo("nobody_here", host="127.0.0.1"), password="x"))
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)
