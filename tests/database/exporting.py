"""Bundles made of a log in a database, with a notary at work beside, and what both verifiers say of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.bundles import Place, independent, packaged
from tests.conftest import LOG, Database
from unbroken.cli.export_asked import Asked
from unbroken.cli.export_run import Done, Order, run
from unbroken.core.checkpoint import key_name
from unbroken.core.note import SigningKey
from unbroken.errors import UnbrokenError
from unbroken.notary.local_key import LocalKey
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.notary import Notary
from unbroken.notary.signer import Signer
from unbroken.store.checkpoints import Checkpoints

KEY = SigningKey(key_name(LOG), bytes(range(32)))
TRUST = [str(KEY.verifier)]
PURPOSE = "complaint of 3 March"


@dataclass
class Exports:
    """Somebody with the duty compliance who exports into a folder."""

    database: Database
    folder: Path
    login: str = "compliance"
    log: str = LOG
    made: int = field(default=0)

    def export(
        self, asked: Asked, *, withheld: tuple[str, ...] = (), with_range: bool = False, draft: bool = False,
        seconds: float = 30, packed: bool = True, key: Path | None = None,
        cosigners: tuple[str, ...] = (),
    ) -> tuple[Path, Done]:  # fmt: skip
        """One export: where it is, or would be, and what became of it."""
        self.made += 1
        out = self.folder / f"bundle-{self.made}{'.zip' if packed else ''}"
        order = Order(
            out=out, asked=asked, withheld=frozenset(withheld), with_range=with_range, draft=draft, seconds=seconds,
            cosigners=cosigners, key=key, purpose=PURPOSE, case="44", store=self.database.conninfo(self.login),
            log=self.log,
        )  # fmt: skip
        return out, run(order)

    def proven(self, asked: Asked, **options: object) -> Path:
        """One that both verifiers find nothing wrong with, and proven for whoever trusts the notary's key."""
        out, done = self.export(asked, **options)  # type: ignore[arg-type]
        assert (done.exit_code, done.findings) == (0, ())
        assert said(out, TRUST) == ("proven", [])
        assert said(out, []) == ("origin unproven", [])
        return out


def said(path: Path, trust: list[str]) -> tuple[str, list[Place]]:
    """What both verifiers say, who have to agree."""
    ours, theirs = packaged(path, trust), independent(path, trust)
    assert (ours[0], sorted(map(str, ours[1]))) == (theirs[0], sorted(map(str, theirs[1])))
    return ours


@contextmanager
def notary_at_work(database: Database, folder: Path) -> Iterator[None]:
    """A notary that signs whatever there is, all the time; it has signed something already."""
    begun, over = threading.Event(), threading.Event()
    failed: list[UnbrokenError] = []

    def work() -> None:
        try:
            kept = NotaryFolder(folder, log=LOG)
            signer = Signer.of(LocalKey(KEY.verifier.public, KEY.secret), log=LOG)
            with kept.locked(), Checkpoints.open(database.conninfo("notary"), LOG) as found:
                notary = Notary(kept, signer, each_start=True)
                while not over.wait(0.02):
                    notary.round(found)
                    begun.set()
        except UnbrokenError as error:
            failed.append(error)
        finally:
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failed
