"""Vault keys wrapped by a transit engine, against one that behaves as HashiCorp Vault's documentation says."""

import datetime as dt
import ipaddress
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.unit.transit_emulator import Transit, served
from tests.unit.vaulted import DANA, LEE, LOG
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.key_services.transit_server import AppRole, TransitServer
from unbroken.privacy.vault.key_encryption import KeyEncryption, KeyEncryptions, rewrap, unwrap, wrap, wrapped_by
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.transit import TransitKey

TOKEN = "root-token"  # noqa: S105 - the emulator's
ROLE = AppRole("role", "role-secret")


@pytest.fixture
def transit() -> Transit:
    return Transit()


@pytest.fixture
def address(transit: Transit) -> Iterator[str]:
    with served(transit) as at:
        yield at


def key_at(address: str, *, token: str | None = TOKEN, role: AppRole | None = None) -> TransitKey:
    return TransitKey("transit-1", "vault-keys", TransitServer(address, token=token, role=role))


def test_a_key_is_wrapped_there_and_comes_back(transit: Transit, address: str) -> None:
    key: KeyEncryption = key_at(address)
    wrapped = wrap(DANA, by=key, log=LOG)
    assert wrapped_by(wrapped) == "transit-1"
    assert DANA.seed not in wrapped
    assert unwrap(wrapped, key_id=DANA.id, by=key, log=LOG).seed == DANA.seed
    assert transit.requests == ["POST /v1/transit/encrypt/vault-keys", "POST /v1/transit/decrypt/vault-keys"]


@pytest.mark.parametrize("derived", [True, False])
def test_it_opens_for_its_id_and_log_alone(derived: bool) -> None:
    with served(Transit(derived=derived)) as address:
        key = key_at(address)
        wrapped = wrap(DANA, by=key, log=LOG)
        for key_id, log in ((LEE.id, LOG), (DANA.id, "clinic.example/other")):
            with pytest.raises(ConfigurationError, match="400"):
                unwrap(wrapped, key_id=key_id, by=key, log=log)


def test_what_was_changed_or_wrapped_elsewhere_does_not_open(transit: Transit, address: str) -> None:
    key = key_at(address)
    wrapped = wrap(DANA, by=key, log=LOG)
    transit_v2 = wrapped.replace(b"vault:v1", b"vault:v2")
    for raw in (
        wrapped[:-5] + b"AAAA=",
        wrapped[:-30],
        transit_v2,
        wrapped.replace(b"vault:", b"fault:"),
        wrapped + b"\xff",
    ):
        with pytest.raises(ConfigurationError):
            unwrap(raw, key_id=DANA.id, by=key, log=LOG)
    with served(Transit()) as other, pytest.raises(ConfigurationError):
        unwrap(wrapped, key_id=DANA.id, by=key_at(other), log=LOG)


def test_versions_of_the_key_there_are_its_own_matter(transit: Transit, address: str) -> None:
    key = key_at(address)
    old = wrap(DANA, by=key, log=LOG)
    transit.versions.append(b"2" * 32)
    assert unwrap(old, key_id=DANA.id, by=key, log=LOG).id == DANA.id
    new = rewrap(old, key_id=DANA.id, old=key, new=key, log=LOG)
    transit.key["min_decryption_version"] = 2
    assert unwrap(new, key_id=DANA.id, by=key, log=LOG).id == DANA.id
    with pytest.raises(ConfigurationError):
        unwrap(old, key_id=DANA.id, by=key, log=LOG)


def test_keys_move_from_a_file_s_key_to_the_engine_s(address: str) -> None:
    local = LocalKey("file", b"f" * 32)
    both = KeyEncryptions(key_at(address), (local,))
    wrapped = both.rewrap(wrap(DANA, by=local, log=LOG), key_id=DANA.id, log=LOG)
    assert wrapped_by(wrapped) == "transit-1"
    assert KeyEncryptions(key_at(address)).unwrap(wrapped, key_id=DANA.id, log=LOG).seed == DANA.seed


# ---- who asks ----


def test_a_role_logs_in_once_and_again_when_its_token_ended(transit: Transit, address: str) -> None:
    key = key_at(address, token=None, role=ROLE)
    wrapped = wrap(DANA, by=key, log=LOG)
    unwrap(wrapped, key_id=DANA.id, by=key, log=LOG)
    assert transit.requests.count("POST /v1/auth/approle/login") == 1
    transit.tokens.clear()
    unwrap(wrapped, key_id=DANA.id, by=key, log=LOG)
    assert transit.requests.count("POST /v1/auth/approle/login") == 2


@pytest.mark.parametrize(
    ("token", "role", "error"),
    [
        ("hvs.other", None, AccessDeniedError),
        (None, AppRole("role", "wrong-secret"), AccessDeniedError),
        (None, AppRole("unknown", "role-secret"), AccessDeniedError),
        ("line\nbreak", None, ConfigurationError),
    ],
)
def test_whoever_may_not_is_refused_without_showing_secrets(
    address: str, token: str | None, role: AppRole | None, error: type[UnbrokenError]
) -> None:
    key = key_at(address, token=token, role=role)
    with pytest.raises(error) as refused:
        wrap(DANA, by=key, log=LOG)
    shown = str(refused.value) + repr(refused.value.__cause__) + repr(key) + repr(role) + repr(key.server)
    for secret in ("hvs.other", "wrong-secret", "role-secret", "line", DANA.seed.hex()):
        assert secret not in shown


def test_a_role_whose_policy_forbids_is_asked_for_once_more_and_no_longer(transit: Transit, address: str) -> None:
    key = key_at(address, token="stale", role=ROLE)
    transit.answers = [(403, b"{}"), (200, b'{"auth":{"client_token":"root-token"}}'), (403, b"{}")]
    with pytest.raises(AccessDeniedError):
        wrap(DANA, by=key, log=LOG)
    assert len(transit.requests) == 3


def test_the_environment_says_where_and_who(transit: Transit, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_ADDR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="VAULT_ADDR"):
        TransitServer.from_environment()
    monkeypatch.setenv("VAULT_ADDR", address)
    with pytest.raises(ConfigurationError, match="AppRole"):
        TransitServer.from_environment()
    monkeypatch.setenv("VAULT_ROLE_ID", "role")
    monkeypatch.setenv("VAULT_SECRET_ID", "role-secret")
    monkeypatch.setenv("VAULT_NAMESPACE", "clinic")
    transit.namespace = "clinic"
    key = TransitKey("t", "vault-keys", TransitServer.from_environment())
    assert unwrap(wrap(DANA, by=key, log=LOG), key_id=DANA.id, by=key, log=LOG).id == DANA.id
    monkeypatch.setenv("VAULT_TOKEN", "root-token")
    transit.roles.clear()
    wrap(DANA, by=TransitKey("t", "vault-keys", TransitServer.from_environment()), log=LOG)


# ---- what goes wrong ----


def test_a_sealed_or_overloaded_server_is_not_available_now(transit: Transit, address: str) -> None:
    transit.sealed = True
    with pytest.raises(UnavailableError, match="503"):
        wrap(DANA, by=key_at(address), log=LOG)
    transit.sealed = False
    transit.answers = [(429, b""), (500, b"")]
    for _ in range(2):
        with pytest.raises(UnavailableError):
            wrap(DANA, by=key_at(address), log=LOG)


def test_a_server_that_is_not_there_is_not_available() -> None:
    with served(Transit()) as address:
        pass
    with pytest.raises(UnavailableError):
        wrap(DANA, by=key_at(address), log=LOG)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b""),
        (200, b"no JSON: seed"),
        (200, b"[]"),
        (200, b'{"data":null}'),
        (200, b'{"data":{"plaintext":1}}'),
        (200, b'{"data":{"plaintext":"not base64: seed!"}}'),
        (200, b'{"data":{"plaintext":"eA=="}}'),
        (200, b"[" * 100_000),
        (200, b" " * 300_000),
        (301, b""),
        (404, b'{"errors":["seed"]}'),
    ],
)
def test_strange_answers_are_refused_without_quoting_them(
    transit: Transit, address: str, answer: tuple[int, bytes]
) -> None:
    key = key_at(address)
    wrapped = wrap(DANA, by=key, log=LOG)
    transit.answers = [answer]
    with pytest.raises(ConfigurationError) as refused:
        unwrap(wrapped, key_id=DANA.id, by=key, log=LOG)
    assert "seed" not in str(refused.value)
    assert not any("seed" in line for line in traceback.format_exception_only(refused.value))
    assert transit.requests[-1] == "POST /v1/transit/decrypt/vault-keys"


def test_a_long_answer_is_refused_whatever_it_says(transit: Transit, address: str) -> None:
    transit.answers = [(200, b"{}".ljust(2**18)), (200, b"{}".ljust(2**18 + 1))]
    server = TransitServer(address, token=TOKEN)
    assert server.ask("GET", "transit/keys/vault-keys") == {}
    with pytest.raises(ConfigurationError, match="longer"):
        server.ask("GET", "transit/keys/vault-keys")


def test_a_key_that_is_no_base64_is_refused(transit: Transit, address: str) -> None:
    transit.answers = [(200, b'{"data":{"plaintext":"eA==!"}}')]
    with pytest.raises(ConfigurationError, match="no key"):
        key_at(address).unwrap(b"vault:v1:eA==", context=b"c")


def test_a_role_that_may_not_is_not_logged_in_twice(transit: Transit, address: str) -> None:
    transit.answers = [(200, b'{"auth":{"client_token":"t"}}'), (403, b"{}")]
    with pytest.raises(AccessDeniedError):
        wrap(DANA, by=key_at(address, token=None, role=ROLE), log=LOG)
    assert len(transit.requests) == 2


def test_an_answer_that_is_no_wrapped_key_is_refused(transit: Transit, address: str) -> None:
    transit.answers = [(200, b'{"data":{"ciphertext":"plain"}}')]
    with pytest.raises(ConfigurationError):
        wrap(DANA, by=key_at(address), log=LOG)


def test_the_key_there_has_to_tell_contexts_apart_and_to_stay_there(transit: Transit, address: str) -> None:
    key_at(address).check()
    for setting, value in (
        ("derived", False),
        ("exportable", True),
        ("allow_plaintext_backup", True),
        ("convergent_encryption", True),
    ):
        before = transit.key[setting]
        transit.key[setting] = value
        with pytest.raises(ConfigurationError):
            key_at(address).check()
        transit.key[setting] = before


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vault.example",
        "ftp://vault.example",
        "http://vault.example:8200",
        "http://localhost.example",
        "https://",
        "https://a/b",
        "https://user:word@a",
        "https://a:b",
        "https://[::1",
    ],
)
def test_private_keys_go_nowhere_without_tls(address: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TransitServer(address, token="t")
    assert "word" not in str(refused.value)


# ---- TLS ----


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine's loopback that nobody vouches for, with its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "transit")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + built.public_bytes(Encoding.PEM))
    return path


def test_a_server_over_tls_has_to_prove_its_name(transit: Transit, certificate: Path) -> None:
    with served(transit, certificate=certificate) as address:
        trusted = TransitServer(address, token="root-token", ca_file=certificate)
        wrap(DANA, by=TransitKey("t", "vault-keys", trusted), log=LOG)
        with pytest.raises(ConfigurationError, match="did not prove"):
            wrap(DANA, by=TransitKey("t", "vault-keys", TransitServer(address, token="root-token")), log=LOG)
    assert len(transit.requests) == 1


def test_authorities_that_can_not_be_read_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        with pytest.raises(ConfigurationError):
            TransitServer("https://vault.example", token="t", ca_file=tmp_path / name)
