"""Outages and hostile servers: every answer is bounded in bytes and in time."""

import datetime as dt
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.anchors.serving import Answer, raw_server, served, silent
from unbroken.anchors.endpoint import Endpoint
from unbroken.errors import AnchorError, ConfigurationError, UnavailableError


def post(url: str, *, timeout_s: float = 0.5, limit: int = 100) -> bytes:
    return Endpoint(url, timeout_s=timeout_s).post(b"body", content_type="text/plain", limit=limit).body


def test_an_answer_comes_back() -> None:
    with served(lambda asked: Answer(200, asked.body + asked.path.encode())) as address:
        assert post(f"{address}/here?key=1") == b"body/here?key=1"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(UnavailableError, match="gave no answer"):
        post(f"http://127.0.0.1:{port}")


def dripping(talking: socket.socket) -> None:
    talking.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n")
    for _ in range(90):
        talking.sendall(b"x")
        time.sleep(0.1)


def dripping_without_length(talking: socket.socket) -> None:
    talking.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(90):
        talking.sendall(b"x")
        time.sleep(0.1)


def dripping_headers(talking: socket.socket) -> None:
    talking.sendall(b"HTTP/1.1 200 OK\r\n")
    for at in range(90):
        talking.sendall(f"X-{at}: 1\r\n".encode())
        time.sleep(0.1)


@pytest.mark.parametrize("behave", [silent, dripping, dripping_headers, dripping_without_length])
def test_a_server_that_hangs_or_drips_costs_no_more_than_the_time(behave: Callable[[socket.socket], None]) -> None:
    with raw_server(behave) as address:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            post(address, timeout_s=0.5)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        b"\x15\x03\x01\x00\x02",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=str,
)
def test_half_answers(sent: bytes) -> None:
    def behave(talking: socket.socket) -> None:
        talking.recv(1000)
        talking.sendall(sent)

    with raw_server(behave) as address, pytest.raises(UnavailableError):
        post(address, timeout_s=5)


def test_an_answer_is_not_read_beyond_its_limit() -> None:
    def endless(talking: socket.socket) -> None:
        talking.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            talking.sendall(b"x" * 65_536)

    with raw_server(endless) as address, pytest.raises(AnchorError, match="more than 100 bytes"):
        post(address, timeout_s=10)
    with served(lambda _: Answer(200, b"x" * 100)) as address:
        assert len(post(address)) == 100
    with served(lambda _: Answer(200, b"x" * 101)) as address, pytest.raises(AnchorError):
        post(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "witness.example", "ftp://witness.example", "https://", "https://user:secret@witness.example"),
        *("http://witness.example", "https://witness.example:port", "https://witness.example/#a", "https://a b/"),
        "https://witness.example/\r\nX: 1",
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Endpoint(url)
    assert "secret" not in str(refused.value)


def test_without_tls_only_where_that_is_said() -> None:
    assert Endpoint("http://time.example", plain=True).where == "http://time.example"
    assert Endpoint("https://time.example:8443/tsa?customer=secret").where == "https://time.example:8443"


def test_over_tls_by_its_authority_alone(tmp_path: Path) -> None:
    certificate = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def behave(talking: socket.socket) -> None:
        talking.recv(1000)
        talking.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(behave, tls=context) as address:
        endpoint = Endpoint(address, ca_file=certificate, timeout_s=5)
        assert endpoint.post(b"", content_type="text/plain", limit=10).body == b"ok"
    with raw_server(behave, tls=context) as address, pytest.raises(ConfigurationError, match="did not prove its name"):
        post(address, timeout_s=5)
    with raw_server(silent, tls=context) as address:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            Endpoint(address, ca_file=certificate, timeout_s=0.5).post(b"", content_type="text/plain", limit=10)
        assert time.monotonic() - started < 5
    with pytest.raises(ConfigurationError, match="can't be read"):
        Endpoint("https://witness.example", ca_file=tmp_path / "nothing")


def certified(folder: Path) -> Path:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path
