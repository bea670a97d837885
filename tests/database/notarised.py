"""A log with a notary and anchors: real ones, in folders, on the loopback, and in an emulated object store."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.anchors.authority import Authority
from tests.anchors.witnessing import WITNESS_KEY
from tests.conftest import LOG, Database
from tests.database.raw import append, sent
from unbroken.anchors.anchoring import Anchoring, Round
from unbroken.anchors.appended_file import AppendedFile
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.directory import Directory
from unbroken.core.checkpoint import key_name
from unbroken.core.note import SigningKey
from unbroken.core.tree.proving import consistency_proof
from unbroken.notary.local_key import LocalKey
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.notary import Notary
from unbroken.notary.signer import Signer
from unbroken.store.checkpoints import Checkpoints

FULL = f"{LOG}~1"
KEY = SigningKey(key_name(LOG), b"n" * 32)
DIRECTORY = '[[anchor]]\nname = "nas"\nkind = "directory"\npath = "nas"\n'
FILE = '[[anchor]]\nname = "site"\nkind = "file"\npath = "site"\n'
STORE = '[[anchor]]\nname = "store"\nkind = "object store"\nbucket = "checkpoints"\nretain = "30d"\n'


def witness_at(url: str) -> str:
    return f'[[anchor]]\nname = "w1"\nkind = "witness"\nurl = "{url}/w"\nkeys = ["{WITNESS_KEY.verifier}"]\n'


def timestamps_at(url: str, authority: Authority, folder: Path) -> str:
    for name, certificate in (("roots", authority.root), ("between", authority.intermediate)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return (
        f'[[anchor]]\nname = "tsa"\nkind = "timestamp"\nurl = "{url}"\n'
        'roots = "roots.pem"\nintermediates = "between.pem"\n'
    )


@dataclass
class Notarised:
    """The log :data:`LOG` of a database; ``folder`` has the notary's state, the mounts and the anchors' file."""

    database: Database
    folder: Path
    key: SigningKey = KEY
    statements: list[str] = field(default_factory=list)

    def write(self, anchors: Sequence[str], **terms: object) -> AnchorsFile:
        """The anchors' file, with folders and files made ready."""
        said = {"timeout": "20s", "renew": "1s", **terms}
        head = [
            f'log = "{LOG}"',
            f'trust = ["{self.key.verifier}"]',
            *(f"{k} = {json.dumps(v)}" for k, v in said.items()),
        ]
        self.file.write_text("\n".join(head) + "\n" + "".join(anchors))
        for name in ("nas", "site"):
            (self.folder / name).mkdir(exist_ok=True)
        read = AnchorsFile.read(self.file)
        for anchor in read.anchors(read.trusted(FULL)):
            if isinstance(anchor, Directory | AppendedFile):
                anchor.prepare()
        return read

    @property
    def file(self) -> Path:
        return self.folder / "anchors.toml"

    def record(self, count: int) -> None:
        with self.database.connect("writer") as writer:
            append(writer, [sent() for _ in range(count)])

    @contextmanager
    def at_work(self) -> Iterator["AtWork"]:
        """A notary's process."""
        folder = NotaryFolder(self.folder / "state", log=LOG)
        with folder.locked(), Checkpoints.open(self.database.conninfo("notary"), LOG) as kept:
            signer = Signer.of(LocalKey(self.key.verifier.public, self.key.secret), log=LOG)
            notary = Notary(folder, signer, each_start=False)
            anchoring = Anchoring(AnchorsFile.read(self.file), self.folder / "state", log=kept.log)
            yield AtWork(notary, anchoring, kept)


@dataclass(frozen=True)
class AtWork:
    notary: Notary
    anchoring: Anchoring
    kept: Checkpoints

    def round(self) -> Round:
        signed = self.notary.round(self.kept).signed
        size = signed.checkpoint.size
        return self.anchoring.round(
            signed.note, lambda old: consistency_proof(old, size, reader=self.kept.tree), self.kept
        )
