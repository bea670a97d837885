"""A witness for tests, as C2SP tlog-witness says: it trusts a log's key, remembers its tree, and checks proofs."""

import base64
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.anchors.logs import TRUSTED
from tests.anchors.serving import Answer, Request
from unbroken.anchors.anchor import TrustedLog
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import CosigningKey
from unbroken.core.note import parse, verified
from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.core.tree.verifying import verify_consistency
from unbroken.errors import NoteError, ProofError

WITNESS_KEY = CosigningKey("witness.example/w1", b"w" * 32)
_OLD = re.compile(r"old (0|[1-9][0-9]*)")


@dataclass
class LoopbackWitness:
    """What a witness knows and what it was asked; ``ahead`` sets its clock."""

    log: TrustedLog = TRUSTED
    key: CosigningKey = WITNESS_KEY
    size: int = 0
    root: bytes = EMPTY_ROOT
    ahead: timedelta = timedelta(0)
    extra: str = ""
    """Lines that it puts before its own."""
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        """The answer to one call."""
        if request.path != "/w/add-checkpoint":
            return Answer(404)
        with self._lock:
            return self._answer(request.body.decode())

    def _answer(self, body: str) -> Answer:
        head, _, note = body.partition("\n\n")
        first, *proof = head.split("\n")
        self.asked.append(f"{first} +{len(proof)}")
        match = _OLD.fullmatch(first)
        checkpoint = Checkpoint.parse(parse(note).text)
        if match is None or int(match[1]) > checkpoint.size:
            return Answer(400)
        if checkpoint.origin != self.log.origin:
            return Answer(404)
        try:
            verified(note, self.log.keys)
        except NoteError:
            return Answer(403)
        old = int(match[1])
        if old != self.size or (old == checkpoint.size and checkpoint.root != self.root):
            return Answer(409, f"{self.size}\n".encode(), {"Content-Type": "text/x.tlog.size"})
        if not self._continues(checkpoint, [base64.b64decode(each, validate=True) for each in proof]):
            return Answer(422)
        self.size, self.root = checkpoint.size, checkpoint.root
        line = self.key.cosign(str(checkpoint), at=datetime.now(UTC) + self.ahead)
        return Answer(200, (self.extra + line).encode())

    def _continues(self, checkpoint: Checkpoint, proof: list[bytes]) -> bool:
        if self.size == 0:
            return not proof
        try:
            verify_consistency(self.root, checkpoint.root, old_size=self.size, new_size=checkpoint.size, proof=proof)
        except ProofError:
            return False
        return True
