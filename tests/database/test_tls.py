"""A server that is not this machine has to prove its name, unless whoever connects has decided otherwise."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import LOG
from tests.database.certificates import Authority, authority, certificate
from tests.database.raw import SALT, sent
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation, open_folder
from unbroken.core.entry import Part
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.store.connection import connect
from unbroken.store.log_writer import LogWriter

# The wheel's PostgreSQL has no TLS.
pytestmark = pytest.mark.parametrize("installation", ["debian15"], indirect=True)

NAME = "db.example"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGSERVICEFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def keys(installation: Installation) -> Iterator[Path]:
    with open_folder("ub-tls-") as folder:
        yield folder


@pytest.fixture(scope="module")
def trusted(keys: Path) -> Authority:
    return authority(keys, "authority")


@pytest.fixture(scope="module")
def strange(keys: Path) -> Authority:
    return authority(keys, "stranger")


@pytest.fixture(scope="module")
def cluster(installation: Installation, keys: Path, trusted: Authority) -> Iterator[Cluster]:
    """A server whose certificate is for :data:`NAME`."""
    signed, key = certificate(keys, NAME, signed_by=trusted)
    installation.own(signed, key)
    key.chmod(0o600)
    with cluster_of(installation, settings={"ssl": "on", "ssl_cert_file": str(signed), "ssl_key_file": str(key)}) as up:
        yield up


@pytest.fixture(scope="module")
def plain(installation: Installation) -> Iterator[Cluster]:
    """A server without TLS, or what is left of one when somebody between answers that it has none."""
    with cluster_of(installation, settings={"ssl": "off"}) as up:
        yield up


def conninfo(cluster: Cluster, host: str = NAME, **given: Any) -> str:
    """The server under a name, at the loopback's address all the same."""
    return make_conninfo(host=host, hostaddr="127.0.0.1", port=cluster.port, user="writer", dbname=SUPERUSER, **given)


def is_encrypted(text: str) -> bool:
    with connect(text) as connection:
        row = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
    return row == (True,)


# ---- Without an sslmode ----


def test_the_right_authority_and_name_are_let_through(cluster: Cluster, trusted: Authority) -> None:
    assert is_encrypted(conninfo(cluster, sslrootcert=trusted.certificate))
    with closing(LogWriter(conninfo(cluster, sslrootcert=trusted.certificate), LOG)) as writer:
        assert len(writer.append([str(sent().text).encode()], [{}])) == 1


def test_the_authority_may_come_from_the_environment(
    cluster: Cluster, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(trusted.certificate))
    assert is_encrypted(conninfo(cluster))


def test_the_authorities_of_this_system_are_trusted_where_none_is_named(
    cluster: Cluster, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.certificate))
    assert is_encrypted(conninfo(cluster))


def test_the_file_in_the_home_goes_before_those_of_the_system(
    cluster: Cluster, trusted: Authority, strange: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.certificate))
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_bytes(strange.certificate.read_bytes())
    refused(conninfo(cluster))


def refused(text: str) -> ConfigurationError:
    """It does not connect, and what it says helps."""
    with pytest.raises(ConfigurationError, match=r"prove.*sslrootcert.*PGSSLMODE.*sslmode=require") as caught:
        connect(text)
    return caught.value


def test_an_unknown_authority_is_refused(cluster: Cluster, strange: Authority) -> None:
    error = refused(conninfo(cluster, sslrootcert=strange.certificate))
    assert "certificate verify failed" in str(error.__cause__)
    refused(conninfo(cluster))


def test_another_name_is_refused(cluster: Cluster, trusted: Authority) -> None:
    error = refused(conninfo(cluster, host="other.example", sslrootcert=trusted.certificate))
    assert "does not match host name" in str(error.__cause__)


def test_a_server_without_tls_is_refused(plain: Cluster, trusted: Authority) -> None:
    """So that nobody in between can talk client and server out of it."""
    refused(conninfo(plain, sslrootcert=trusted.certificate))
    with pytest.raises(ConfigurationError):
        LogWriter(conninfo(plain), LOG)


def test_this_machine_need_not_prove_anything(plain: Cluster) -> None:
    for host in ("127.0.0.1", "localhost", str(plain.folder)):
        text = make_conninfo(host=host, port=plain.port, user="writer", dbname=SUPERUSER)
        assert not is_encrypted(text)


def test_a_frozen_server_is_given_up_with_tls_as_without(cluster: Cluster, trusted: Authority) -> None:
    """TLS says goodbye too, and must not wait for it when half a batch is stuck on the way."""
    writer = LogWriter(conninfo(cluster, sslrootcert=trusted.certificate), LOG)
    item = sent({"inputs": '"' + "x" * 4_000_000 + '"'})
    part = {"inputs": Part(SALT, str(item.parts["inputs"][0]).encode())}
    began = time.monotonic()
    with cluster.frozen(), pytest.raises(UnavailableError, match="in time"):
        writer.append([str(item.text).encode()], [part], wait_s=0.5)
    assert writer.broken
    assert time.monotonic() - began < 5


# ---- With one ----


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_what_the_connection_string_says_counts(plain: Cluster, mode: str) -> None:
    assert not is_encrypted(conninfo(plain, sslmode=mode))


def test_encryption_to_whoever_answers_can_be_chosen(cluster: Cluster) -> None:
    assert is_encrypted(conninfo(cluster, host="other.example", sslmode="require"))


@pytest.mark.parametrize("mode", ["disable", "prefer"])
def test_what_the_environment_says_counts(plain: Cluster, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("PGSSLMODE", mode)
    assert not is_encrypted(conninfo(plain))


def test_what_the_service_file_says_counts(plain: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Host, port and mode all come from there."""
    file = tmp_path / "services"
    place = f"host={NAME}\nhostaddr=127.0.0.1\nport={plain.port}\nuser=writer\ndbname={SUPERUSER}\n"
    file.write_text(f"[open]\n{place}sslmode=disable\n[silent]\n{place}")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert not is_encrypted("service=open")
    refused("service=silent")
    monkeypatch.setenv("PGSERVICE", "open")
    assert not is_encrypted("")
    with pytest.raises(ConfigurationError, match="can't be used"):
        connect("service=unknown")


def test_a_mode_that_verifies_is_not_weakened_for_this_machine(plain: Cluster) -> None:
    with pytest.raises(ConfigurationError):
        connect(make_conninfo(host="127.0.0.1", port=plain.port, user="writer", dbname="x", sslmode="verify-full"))
