"""Which hosts a connection string means, which of them must prove their name, and what a failure to connect means."""

import time
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.store import hosts
from unbroken.store.connection import _refused, connect
from unbroken.store.hosts import hosts_of
from unbroken.store.tls import is_local
from unbroken.store.waiting import NoAnswerError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing in the environment or the home decides for the connection string; one authority is trusted here."""
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGTARGETSESSIONATTRS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    authorities = tmp_path / "authorities"
    authorities.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    return authorities


def tried(conninfo: str, *, writes: bool = False) -> list[dict[str, object]]:
    found = hosts_of(conninfo, deadline=time.monotonic() + 10, writes=writes, keepalives_idle=5)
    return [dict(conninfo_to_dict(each)) for each in found]


@pytest.mark.parametrize(
    "host", ["", "/run/postgresql", "@abstract", "localhost", "127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"]
)
def test_this_machine_is_local(host: str) -> None:
    assert is_local({"host": host})
    assert is_local({"hostaddr": host})
    assert is_local({})


@pytest.mark.parametrize(
    "host", ["db.example", "10.0.0.1", "192.0.2.7", "::2", "localhost.example", "127.0.0.1.example"]
)
def test_every_other_is_not(host: str) -> None:
    assert not is_local({"host": host})
    assert not is_local({"host": host, "hostaddr": "127.0.0.1"})
    assert is_local({"host": "localhost", "hostaddr": "10.0.0.1"})


def test_hosts_are_tried_one_by_one_and_each_proves_its_name_if_it_has_to(bare: Path) -> None:
    found = tried("host=192.0.2.7,/run/pg,127.0.0.1 port=5433,5434,5435 user=u dbname=d")
    assert [(each["host"], each["port"], each.get("sslmode")) for each in found] == [
        ("192.0.2.7", "5433", "verify-full"),
        ("/run/pg", "5434", None),
        ("127.0.0.1", "5435", None),
    ]
    assert found[0]["sslrootcert"] == str(bare)


def test_what_is_stated_goes_before_defaults() -> None:
    (each,) = tried("host=192.0.2.7 sslmode=prefer keepalives_idle=9 sslrootcert=/ca")
    assert (each["sslmode"], each["keepalives_idle"], each["sslrootcert"]) == ("prefer", "9", "/ca")
    (each,) = tried("host=192.0.2.7 sslrootcert=/ca")
    assert (each["sslmode"], each["keepalives_idle"], each["sslrootcert"]) == ("verify-full", "5", "/ca")


def test_hosts_of_the_environment_and_of_a_service_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGHOST", "192.0.2.1,192.0.2.2")
    assert [(each["host"], each["sslmode"]) for each in tried("user=u")] == [
        ("192.0.2.1", "verify-full"),
        ("192.0.2.2", "verify-full"),
    ]
    services = tmp_path / "services"
    services.write_text("[x]\nhost=192.0.2.3,192.0.2.4\nport=1,2\nsslmode=require\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    assert [(each["host"], each["port"], each.get("sslmode")) for each in tried("service=x")] == [
        ("192.0.2.3", "1", None),
        ("192.0.2.4", "2", None),
    ]


@pytest.mark.parametrize(
    ("stated", "writes", "asked"),
    [
        ("", False, "any"),
        ("", True, "read-write"),
        ("target_session_attrs=standby", True, "standby"),
        ("target_session_attrs=primary", True, "primary"),
    ],
)
def test_whoever_writes_asks_for_a_server_that_takes_it(stated: str, writes: bool, asked: str) -> None:
    (each,) = tried(f"host=192.0.2.7 {stated}", writes=writes)
    assert each["target_session_attrs"] == asked


def test_no_name_is_looked_up_for_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a thread begun, which a process that is ending could not do."""
    monkeypatch.setattr(hosts, "Thread", None)
    assert [each["host"] for each in tried("host=/run/pg,/run/pg2")] == ["/run/pg", "/run/pg2"]


def test_resolving_takes_no_longer_than_there_is_time() -> None:
    with pytest.raises(NoAnswerError):
        hosts._in_time(lambda: time.sleep(30), time.monotonic() + 0.05)
    assert hosts._in_time(lambda: 7, time.monotonic() + 10) == 7


def test_a_process_that_is_ending_resolves_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(Thread, "start", start)
    assert hosts._in_time(lambda: 7, time.monotonic() + 10) == 7


def _raise() -> None:
    raise psycopg.OperationalError("no such host")


def test_what_resolving_raises_is_raised_where_it_was_asked_for() -> None:
    with pytest.raises(psycopg.OperationalError, match="no such host"):
        hosts._in_time(_raise, time.monotonic() + 10)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('FATAL:  password authentication failed for user "w"', AccessDeniedError),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9"', AccessDeniedError),
        ('FATAL:  role "w" does not exist', AccessDeniedError),
        ('connection refused\nFATAL:  password authentication failed for user "w"', AccessDeniedError),
        (
            'FATAL:  server login has been failing, cached error: password authentication failed for user "w"',
            UnavailableError,
        ),
        ("FATAL:  server login failed: FATAL password authentication failed", UnavailableError),
        ("FATAL:  no more connections allowed (max_client_conn)", UnavailableError),
        ("FATAL:  query_wait_timeout", UnavailableError),
        ("FATAL:  sorry, too many clients already", UnavailableError),
        ("FATAL:  the database system is starting up", UnavailableError),
        ("session is read-only", UnavailableError),
        ("SSL error: certificate verify failed", ConfigurationError),
        ('server certificate for "a" does not match host name "b"', ConfigurationError),
        ("server does not support SSL, but SSL was required", ConfigurationError),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', ConfigurationError),
        ('invalid sslmode value: "on"', ConfigurationError),
        ('definition of service "x" not found', ConfigurationError),
        ("Connection refused", UnavailableError),
    ],
)
def test_what_a_failure_to_connect_means(text: str, meaning: type[UnbrokenError]) -> None:
    assert type(_refused(psycopg.OperationalError(text))) is meaning


@pytest.mark.parametrize("conninfo", ["host=x port=1,2,3", "host=a,b hostaddr=127.0.0.1"])
def test_lists_that_do_not_match_are_a_mistake(conninfo: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be used"):
        connect(conninfo)


def test_a_function_is_asked_once_when_there_is_nobody_to_refuse_it() -> None:
    asked: list[int] = []

    def source() -> str:
        asked.append(1)
        return "host=/nowhere user=u dbname=d"

    with pytest.raises(UnavailableError):
        connect(source)
    assert len(asked) == 1


def test_an_interruption_while_a_function_is_asked_passes() -> None:
    def source() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connect(source)
