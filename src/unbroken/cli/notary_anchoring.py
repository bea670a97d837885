"""Taking a notary's checkpoints outside, beside its work: an anchor that is slow must not keep a log waiting."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from unbroken.anchors.anchoring import Anchoring
from unbroken.anchors.anchoring import Round as Anchored
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.samples import Sample, of_failure
from unbroken.core.tree.proving import consistency_proof
from unbroken.errors import UnbrokenError
from unbroken.notary.beside import Beside
from unbroken.notary.memory import Signed
from unbroken.store.checkpoints import Checkpoints


class NotaryAnchoring:
    """Publishes what is signed; ``told`` gets what is wrong after each round, nothing where all is well."""

    def __init__(
        self,
        file: AnchorsFile,
        folder: Path,
        opened: Callable[[str], AbstractContextManager[Checkpoints]],
        *,
        told: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._file = file
        self._folder = folder
        self._opened = opened
        self._told = told
        self._anchorings: dict[str, Anchoring] = {}
        self._beside: Beside[Signed] = Beside(self._published)
        self.samples: tuple[Sample, ...] = ()

    def offer(self, signed: Signed) -> None:
        """Has it published from a thread beside; a newer one takes the place of one that waits."""
        self._beside.offer(signed)

    def publish(self, signed: Signed) -> bool:
        """Publishes it here and now; whether no anchor contradicts the log and a quorum is not late."""
        done = self._published(signed)
        return done is not None and not done.is_late and not done.is_contradicted

    def _published(self, signed: Signed) -> Anchored | None:
        try:
            done = self._round(signed)
        except UnbrokenError as error:
            self.samples = of_failure(signed.checkpoint.origin)
            self._told((f"nothing was taken outside: {error}",))
            return None
        self.samples = done.samples
        self._told(done.lines)
        return done

    def _round(self, signed: Signed) -> Anchored:
        log, size = signed.checkpoint.origin, signed.checkpoint.size
        if log not in self._anchorings:
            self._anchorings[log] = Anchoring(self._file, self._folder, log=log)
        with self._opened(log) as found:
            tree = found.tree
            return self._anchorings[log].round(
                signed.note, lambda old: consistency_proof(old, size, reader=tree), found
            )
