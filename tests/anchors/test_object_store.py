"""An object store with object lock: against moto, an emulator of S3, and servers that fail."""

import datetime as dt
import importlib
import io
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.anchors.logs import ORIGIN, TRUSTED, Log
from tests.anchors.serving import raw_server, silent
from unbroken.anchors.anchor import Anchor, Oddity, Receipt
from unbroken.anchors.object_store import Bucket, ObjectStore
from unbroken.anchors.placing import falling
from unbroken.core.note import SigningKey
from unbroken.errors import AccessDeniedError, AnchorError, ConfigurationError, UnavailableError, UnbrokenError

moto = pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")

LOG = Log()
BUCKET = "checkpoints"
PREFIX = "audit/clinic.example%2Fagents~1/"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def s3() -> Iterator[Any]:
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield client


@pytest.fixture
def anchor(s3: Any) -> ObjectStore:
    return ObjectStore("store", Bucket(BUCKET, "audit"), log=TRUSTED, client=s3)


def key_of(size: int, *extensions: str) -> str:
    return PREFIX + falling(size, LOG.note(size, *extensions))


def sizes(anchor: Anchor) -> list[int]:
    return [anchor.verify(each).checkpoint.size for each in anchor.held() if isinstance(each, Receipt)]


def oddities(anchor: Anchor) -> list[tuple[str, int | None]]:
    return [(each.what, each.size) for each in anchor.held() if isinstance(each, Oddity)]


def test_what_was_published_is_read_back_newest_first(anchor: ObjectStore) -> None:
    for size in (5, 100, 7):
        receipt = anchor.publish(LOG.submission(size))
        assert anchor.holds(Receipt.from_bytes(receipt.to_bytes()))
    assert sizes(anchor) == [100, 7, 5]
    newest = anchor.newest()
    assert newest is not None
    assert anchor.verify(newest).checkpoint == LOG.checkpoint(100)
    assert oddities(anchor) == []


def test_what_is_published_can_t_be_removed(anchor: ObjectStore, s3: Any) -> None:
    receipt = anchor.publish(LOG.submission(5))
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key_of(5), VersionId=receipt.proof.decode())
    held = s3.head_object(Bucket=BUCKET, Key=key_of(5))
    assert held["ObjectLockMode"] == "COMPLIANCE"
    left = held["ObjectLockRetainUntilDate"] - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=364) < left < dt.timedelta(days=366)


def test_publishing_again_is_the_same(anchor: ObjectStore, s3: Any) -> None:
    first = anchor.publish(LOG.submission(5))
    assert anchor.publish(LOG.submission(5)) == first
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1
    anchor.publish(LOG.submission(5, "a later time"))
    assert sizes(anchor) == [5, 5]


def test_many_are_read_in_pages(anchor: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbroken.anchors.object_store.PAGE", 2)
    for size in range(1, 8):
        anchor.publish(LOG.submission(size))
    assert sizes(anchor) == [7, 6, 5, 4, 3, 2, 1]
    monkeypatch.setattr("unbroken.anchors.object_store.MAX_HELD", 5)
    with pytest.raises(AnchorError, match="fills it up"):
        sizes(anchor)
    assert anchor.newest() is not None


# ---- what was done to it ----


def test_a_delete_marker_hides_nothing(anchor: ObjectStore, s3: Any) -> None:
    receipt = anchor.publish(LOG.submission(5))
    s3.delete_object(Bucket=BUCKET, Key=key_of(5))
    assert oddities(anchor) == [("deleted", 5)]
    assert sizes(anchor) == [5]
    assert anchor.newest() == receipt
    assert anchor.holds(receipt)


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_a_replaced_version_hides_nothing(
    anchor: ObjectStore, s3: Any, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("unbroken.anchors.object_store.PAGE", page)
    receipt = anchor.publish(LOG.submission(5))
    s3.put_object(Bucket=BUCKET, Key=key_of(5), Body=b"something else")
    assert oddities(anchor) == [("damaged", 5), ("replaced", 5)]
    assert sizes(anchor) == [5]
    assert anchor.newest() == receipt
    assert anchor.holds(receipt)
    with pytest.raises(AnchorError, match="nothing was replaced"):
        anchor.publish(LOG.submission(5))


def test_foreign_objects_are_noticed(anchor: ObjectStore, s3: Any) -> None:
    anchor.publish(LOG.submission(5))
    s3.put_object(Bucket=BUCKET, Key=PREFIX + "notes.txt", Body=b"hello")
    s3.put_object(Bucket=BUCKET, Key="audit/another log/x", Body=b"hello")
    assert oddities(anchor) == [("foreign", None)]
    assert anchor.newest() is not None
    other = Log(key=SigningKey(ORIGIN, b"o" * 32)).note(9)
    s3.put_object(Bucket=BUCKET, Key=PREFIX + falling(9, other), Body=other.encode())
    s3.put_object(Bucket=BUCKET, Key=PREFIX + falling(8, LOG.note(5)), Body=LOG.note(5).encode())
    s3.put_object(Bucket=BUCKET, Key=key_of(7), Body=b"x" * 1_000_000)
    assert oddities(anchor) == [("foreign", 9), ("foreign", 8), ("damaged", 7), ("foreign", None)]
    assert sizes(anchor) == [5]
    with pytest.raises(AnchorError, match="foreign"):
        anchor.newest()


def test_what_is_not_locked_is_noticed(anchor: ObjectStore, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=key_of(5), Body=LOG.note(5).encode())
    s3.put_object(
        Bucket=BUCKET,
        Key=key_of(6),
        Body=LOG.note(6).encode(),
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=dt.datetime.now(dt.UTC) + dt.timedelta(days=3),
    )
    assert oddities(anchor) == [("unlocked", 6), ("unlocked", 5)]
    assert sizes(anchor) == [6, 5]
    with pytest.raises(ConfigurationError, match="did not lock"):
        anchor.publish(LOG.submission(5))


def test_a_version_that_is_gone_is_noticed_by_its_receipt(anchor: ObjectStore, s3: Any) -> None:
    receipt = anchor.publish(LOG.submission(5))
    for at in range(len(receipt.proof)):
        proof = receipt.proof[:at] + bytes([receipt.proof[at] ^ 1]) + receipt.proof[at + 1 :]
        assert not anchor.holds(Receipt("store", "object store", receipt.note, proof))
    s3.put_object(Bucket=BUCKET, Key=key_of(6), Body=LOG.note(6).encode())
    version = s3.list_object_versions(Bucket=BUCKET, Prefix=key_of(6))["Versions"][0]["VersionId"]
    unlocked = Receipt("store", "object store", LOG.note(6), version.encode())
    assert not anchor.holds(unlocked)
    for proof in (b"", b"null", b"\xff", b"x" * 2000, b"line\n"):
        with pytest.raises(AnchorError):
            anchor.holds(Receipt("store", "object store", receipt.note, proof))


# ---- set-up ----


def test_a_bucket_without_versions_is_no_anchor(s3: Any) -> None:
    s3.create_bucket(Bucket="plain-bucket")
    anchor = ObjectStore("store", Bucket("plain-bucket"), log=TRUSTED, client=s3)
    with pytest.raises(ConfigurationError):
        anchor.publish(LOG.submission(5))


def test_a_store_that_ignores_the_lock_is_no_anchor(s3: Any) -> None:
    class Ignoring:
        """Takes the request for a lock and drops it, as stores do that don't know it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def put_object(self, **request: Any) -> Any:
            return s3.put_object(**{key: value for key, value in request.items() if not key.startswith("ObjectLock")})

    with pytest.raises(ConfigurationError, match="did not lock"):
        ObjectStore("store", Bucket(BUCKET), log=TRUSTED, client=Ignoring()).publish(LOG.submission(5))


def test_one_bucket_s_name_at_two_providers_is_two_places() -> None:
    places = {
        ObjectStore.connect("store", Bucket(BUCKET), log=TRUSTED, endpoint=endpoint).where
        for endpoint in (None, "https://s3.one.example", "https://s3.two.example/path")
    }
    assert len(places) == 3
    with pytest.raises(ConfigurationError, match="not set up"):
        ObjectStore.connect("store", Bucket(BUCKET), log=TRUSTED, endpoint="no address")


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    anchor = ObjectStore("store", Bucket("nowhere-at-all"), log=TRUSTED, client=s3)
    for use in (lambda: anchor.publish(LOG.submission(5)), anchor.newest):
        with pytest.raises(ConfigurationError, match="NoSuchBucket"):
            use()
    with pytest.raises(ConfigurationError, match="retained"):
        ObjectStore("store", Bucket(BUCKET, retain=dt.timedelta(0)), log=TRUSTED, client=s3)


# ---- outages and hostile answers ----


def store_at(address: str) -> ObjectStore:
    config = importlib.import_module("botocore.config").Config(
        connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
    )
    client = boto3.client("s3", endpoint_url=address, config=config)
    return ObjectStore("store", Bucket(BUCKET), log=TRUSTED, client=client)


def answering(status: int, body: bytes, *, stated: int | None = None) -> Callable[[socket.socket], None]:
    def behave(talking: socket.socket) -> None:
        talking.recv(65_536)
        length = len(body) if stated is None else stated
        talking.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n".encode() + body)

    return behave


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    anchor = ObjectStore.connect("store", Bucket(BUCKET), log=TRUSTED, endpoint=address)
    with pytest.raises(UnavailableError, match="can't be reached"):
        anchor.publish(LOG.submission(5))


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (silent, UnavailableError),
        (answering(200, b"<ListVersionsResult>", stated=500), UnavailableError),
        (answering(503, b"<Error><Code>SlowDown</Code></Error>"), UnavailableError),
        (answering(500, b"no xml"), UnavailableError),
        (answering(403, b"<Error><Code>AccessDenied</Code><Message>123456789012</Message></Error>"), AccessDeniedError),
        (answering(200, b"no xml at all"), UnavailableError),
        (answering(200, b"\x00" * 1000), UnavailableError),
    ],
    ids=["silent", "half", "slow down", "broken", "denied", "no XML", "zeros"],
)
def test_failing_and_hostile_lists(behave: Callable[[socket.socket], None], error: type[UnbrokenError]) -> None:
    with raw_server(behave) as address, pytest.raises(error) as failed:
        store_at(address).newest()
    assert "123456789012" not in str(failed.value)
    assert "testing-secret" not in str(failed.value)


class Lying:
    """A store that answers as it likes."""

    def __init__(self, *pages: Mapping[str, Any], body: bytes = b"") -> None:
        self.pages = list(pages)
        self.body = body
        self.asked = 0

    def list_object_versions(self, **_: Any) -> Mapping[str, Any]:
        self.asked += 1
        return self.pages[min(self.asked, len(self.pages)) - 1]

    def get_object(self, **_: Any) -> Mapping[str, Any]:
        return {"Body": io.BytesIO(self.body), "VersionId": "another"}

    def put_object(self, **_: Any) -> Mapping[str, Any]:
        return {"VersionId": "one"}


def test_a_store_that_lists_in_circles_is_left() -> None:
    circle = Lying({"Versions": [], "IsTruncated": True, "NextKeyMarker": "b"})
    with pytest.raises(AnchorError, match="again and again"):
        ObjectStore("store", Bucket(BUCKET), log=TRUSTED, client=circle).newest()
    back = Lying(
        {"IsTruncated": True, "NextKeyMarker": "b"},
        {"IsTruncated": True, "NextKeyMarker": "a"},
    )
    with pytest.raises(AnchorError, match="again and again"):
        ObjectStore("store", Bucket(BUCKET), log=TRUSTED, client=back).newest()
    assert (circle.asked, back.asked) == (2, 2)


def test_a_store_that_gives_another_version_is_not_believed() -> None:
    lying = Lying(body=LOG.note(5).encode())
    with pytest.raises(AnchorError, match="another version"):
        ObjectStore("store", Bucket(BUCKET), log=TRUSTED, client=lying).publish(LOG.submission(5))
