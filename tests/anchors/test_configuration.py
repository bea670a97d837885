"""The file that says where checkpoints go: what it may say, and that whatever is wrong is said with its place."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.anchors.authority import certified
from tests.anchors.logs import ORIGIN, Log
from tests.anchors.serving import raw_server, silent
from tests.anchors.witnessing import WITNESS_KEY
from unbroken.anchors.anchor import Submission, TrustedLog
from unbroken.anchors.configuration import MOST_BYTES, AnchorsFile
from unbroken.anchors.publishing import Terms
from unbroken.core.key_statement import KeyStatement, Position, signed
from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError, NoteError, UnavailableError

NAME = ORIGIN.partition("~")[0]
KEY = SigningKey(NAME, b"k" * 32)
HEAD = f'log = "{NAME}"\ntrust = ["{KEY.verifier}"]\n'
DIRECTORY = '[[anchor]]\nname = "nas"\nkind = "directory"\npath = "mount"\n'
FILE = '[[anchor]]\nname = "backup site"\nkind = "file"\npath = "/mnt/b"\n'
WITNESS = f'[[anchor]]\nname = "w1"\nkind = "witness"\nurl = "https://w.example/p"\nkeys = ["{WITNESS_KEY.verifier}"]\n'
STORE = '[[anchor]]\nname = "s3"\nkind = "object store"\nbucket = "b"\nretain = "3650d"\nprefix = "audit"\n'
TIMESTAMPS = '[[anchor]]\nname = "tsa"\nkind = "timestamp"\nurl = "https://tsa.example"\nroots = "roots.pem"\n'


def written(tmp_path: Path, text: str) -> AnchorsFile:
    (tmp_path / "anchors.toml").write_text(text, encoding="utf-8")
    return AnchorsFile.read(tmp_path / "anchors.toml")


def roots(tmp_path: Path) -> None:
    pytest.importorskip("rfc3161_client")
    (tmp_path / "roots.pem").write_bytes(certified("root", None, usage=None).certificate.public_bytes(Encoding.PEM))


def test_every_kind_is_made_of_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    roots(tmp_path)
    file = written(tmp_path, HEAD + DIRECTORY + FILE + WITNESS + STORE + TIMESTAMPS)
    anchors = file.anchors(file.trusted(ORIGIN))
    assert [(each.name, each.kind, each.where) for each in anchors] == [
        ("nas", "directory", f"directory {tmp_path}/mount/clinic.example%2Fagents~1"),
        ("backup site", "file", "file /mnt/b/clinic.example%2Fagents~1.checkpoints"),
        ("w1", "witness", "witness witness.example/w1"),
        ("s3", "object store", "S3: b/audit/clinic.example%2Fagents~1/"),
        ("tsa", "timestamp", "timestamp authority https://tsa.example"),
    ]
    assert file.names == tuple(each.name for each in anchors)
    assert file.cosigners == (WITNESS_KEY.verifier,)


def test_what_it_says_of_the_log(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + DIRECTORY)
    assert (file.log, file.trust, file.allowed_age) == (NAME, (KEY.verifier,), timedelta(hours=3))
    assert file.terms == Terms()
    file = written(tmp_path, HEAD + 'quorum = 3\ntimeout = "5s"\nrenew = "30m"\nallowed_age = "45m"\n')
    assert (file.terms.quorum, file.terms.timeout_s, file.terms.renew) == (3, 5.0, timedelta(minutes=30))
    assert file.allowed_age == timedelta(minutes=45)


def test_trust_is_for_this_log_and_follows_its_key_statements(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD)
    newer = SigningKey.generate(NAME)
    assert file.trusted(ORIGIN).opened(Log(key=KEY).note(5)).size == 5
    with pytest.raises(NoteError):
        file.trusted(ORIGIN).opened(Log(key=newer).note(5))
    log = file.trusted(ORIGIN, [statement(KEY, None, 0), statement(newer, KEY, 10)])
    assert log.keys == (KEY.verifier, newer.verifier)
    assert [log.opened(Log(key=key).note(size)).size for key, size in ((KEY, 10), (newer, 11))] == [10, 11]
    for key, size in ((KEY, 11), (newer, 10)):
        with pytest.raises(NoteError, match="not its to sign"):
            log.opened(Log(key=key).note(size))
    with pytest.raises(ConfigurationError, match="is about the log"):
        file.trusted("else.example/agents~1")


def statement(key: SigningKey, previous: SigningKey | None, after: int) -> str:
    before = None if previous is None else previous.verifier
    made = KeyStatement(
        NAME, "first" if previous is None else "rotated", key.verifier, before, Position(1, after), datetime.now(UTC)
    )
    return signed(made, *([key] if previous is None else [previous, key]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("log = ", "not TOML"),
        (f'log = "{NAME}"\n', "trust"),
        (f'log = "{NAME}"\ntrust = []\n', "no key of the log"),
        (f'log = "{ORIGIN}"\ntrust = ["{KEY.verifier}"]\n', "without an incarnation"),
        (f'log = "{NAME}"\ntrust = ["clinic+00000000+AAAA"]\n', "not a verifier key"),
        (f'log = "{NAME}"\ntrust = ["{WITNESS_KEY.verifier}"]\n', "not a verifier key"),
        (f'log = "{NAME}"\ntrust = ["{SigningKey.generate("else").verifier}"]\n', "whose name is not that of a key"),
        (HEAD + "quorom = 2\n", "quorom"),
        (HEAD + "quorum = 0\n", "quorum is at least 1"),
        (HEAD + 'renew = "soon"\n', "renew: a length"),
        (HEAD + 'timeout = "11m"\n', "timeout is at most"),
        (HEAD + 'renew = "2h"\nallowed_age = "2h"\n', "longer than renew"),
        (HEAD + DIRECTORY + DIRECTORY, "two anchors are called 'nas'"),
        (HEAD + DIRECTORY + '[[anchor]]\nkind = "file"\npath = "/a"\n', "number 2.*name"),
        (HEAD + DIRECTORY.replace("nas", " nas"), "blanks around"),
        (HEAD + DIRECTORY.replace("directory", "tape"), "the anchor 'nas'.*tape"),
        (HEAD + DIRECTORY + 'paht = "x"\n', "the anchor 'nas'.*paht"),
        (HEAD + STORE.replace("3650d", "ten years"), "the anchor 's3': retain: a length"),
        (HEAD + WITNESS.replace(str(WITNESS_KEY.verifier), str(KEY.verifier)), "the anchor 'w1': not a cosigner's key"),
        (HEAD + WITNESS.replace(f'"{WITNESS_KEY.verifier}"', ""), "the anchor 'w1': it has no key"),
        (HEAD + "".join(DIRECTORY.replace("nas", str(at)) for at in range(33)), "more than 32"),
        ("#" * (MOST_BYTES + 1), "longer than"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"anchors.toml: .*{says}"):
        written(tmp_path, text)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"anchors.toml: it can't be read \(No such file"):
        AnchorsFile.read(tmp_path / "anchors.toml")
    (tmp_path / "anchors.toml").write_bytes(b"log = '\xff'")
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        AnchorsFile.read(tmp_path / "anchors.toml")


@pytest.mark.parametrize("text", [TIMESTAMPS, WITNESS.replace("https", "http")])
def test_what_can_t_be_set_up_names_the_anchor(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, HEAD + text)
    with pytest.raises(ConfigurationError, match=f"anchors.toml: the anchor '{file.names[0]}': "):
        file.anchors(file.trusted(ORIGIN))


@pytest.mark.parametrize("kind", [TIMESTAMPS, WITNESS])
def test_plain_http_has_to_be_asked_for(tmp_path: Path, kind: str) -> None:
    roots(tmp_path)
    plain = HEAD + kind.replace("https", "http")
    assert written(tmp_path, plain + "plain = true\n").anchors(TrustedLog(ORIGIN, (KEY.verifier,)))
    file = written(tmp_path, plain)
    with pytest.raises(ConfigurationError, match="over HTTPS"):
        file.anchors(file.trusted(ORIGIN))


@pytest.mark.parametrize("kind", [TIMESTAMPS, WITNESS])
@pytest.mark.parametrize(("key", "says"), [("policy", "object identifier"), ("ca_file", "can't be read")])
def test_what_only_some_kinds_know_reaches_them(tmp_path: Path, kind: str, key: str, says: str) -> None:
    roots(tmp_path)
    if kind is WITNESS and key == "policy":
        with pytest.raises(ConfigurationError, match=r"the anchor 'w1'.*policy"):
            written(tmp_path, HEAD + kind + 'policy = "no such"\n')
        return
    file = written(tmp_path, HEAD + kind + f'{key} = "no such"\n')
    with pytest.raises(ConfigurationError, match=says):
        file.anchors(file.trusted(ORIGIN))


def test_no_request_lasts_longer_than_a_round(tmp_path: Path) -> None:
    with raw_server(silent) as url:
        file = written(tmp_path, HEAD + 'timeout = "1s"\n' + WITNESS.replace("https://w.example", url))
        (anchor,) = file.anchors(file.trusted(ORIGIN))
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            anchor.publish(Submission.of(Log(key=KEY).note(5), file.trusted(ORIGIN), consistency=lambda _: ()))
        assert time.monotonic() - started < 8


def test_a_name_that_nobody_has_given_boto3(tmp_path: Path) -> None:
    pytest.importorskip("boto3")
    file = written(tmp_path, HEAD + STORE + 'profile = "nobody-named-this"\n')
    with pytest.raises(ConfigurationError, match=r"the anchor 's3'.*ProfileNotFound"):
        file.anchors(file.trusted(ORIGIN))
