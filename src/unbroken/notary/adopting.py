"""Taking over without a memory: from the newest checkpoint that somebody else kept, where the database still has it."""

from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError, ContradictionError
from unbroken.notary.finding import edge_of
from unbroken.notary.memory import Memory, Signed, signed_of
from unbroken.store.checkpoints import Checkpoints


def adopted(found: Checkpoints, note: str, trusted: tuple[VerifierKey, ...]) -> Memory:
    """What a notary remembers that begins from ``note``, a checkpoint of the log's newest incarnation.

    Where the database keeps a later one that was signed by the log's keys, from that. Key statements are the
    database's, as far as ``trusted`` keys lead to whoever signed. Raises :class:`NoteError` for a note that no such key
    signed, and :class:`ContradictionError` where the database does not hold its tree, or a later one's.
    """
    statements = tuple(each.statement for each in found.key_statements())
    history = KeyHistory.of(statements, trusted, found.log)
    if history.newest not in history.keys:
        raise ConfigurationError(
            "the keys that were given with --trust do not lead to the key that the database says signs now. Get the"
            " notary's key from where it was published when it was made"
        )
    history.opened(note, origin=found.log)
    given = signed_of(note, origin=found.log, statements=statements)
    edge_of(given, found.tree)
    return Memory(history.origin, statements).signing(_latest(found, given, statements))


def _latest(found: Checkpoints, given: Signed, statements: tuple[str, ...]) -> Signed:
    newest = found.newest()
    if newest is None or newest.size < given.checkpoint.size:
        return given
    kept = signed_of(newest.note, origin=found.log, statements=statements)
    if kept.checkpoint.size == given.checkpoint.size and kept.checkpoint.root != given.checkpoint.root:
        raise ContradictionError("the database keeps another checkpoint of the same size: two histories were signed")
    edge_of(kept, found.tree)
    return kept if kept.at >= given.at or kept.checkpoint.size > given.checkpoint.size else given
