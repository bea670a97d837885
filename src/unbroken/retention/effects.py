"""What disposing destroys and how, what stays, and what it does not reach: the sentences of its certificate.

They are read years later by people who have nothing else: one wording, each under the one word that it is about.
"""

from collections.abc import Mapping
from typing import Final

METHODS: Final[Mapping[str, str]] = {
    "payloads": "what was said, asked, answered and found, with its salts; rows deleted, and their partition"
    " dropped, written anew or vacuumed, so that no snapshot shows them any more",
    "originals": "what it was before redaction, sealed; rows deleted, and their partition dropped, written"
    " anew or vacuumed",
    "keys": "wrapped private keys of sessions and people of whom nothing sealed was left; rows deleted",
}
"""How each kind is destroyed."""
KEPT: Final[Mapping[str, str]] = {
    "lines": "time, kind, agent, tool, pseudonyms or opaque ids, salted hashes: they hold the chain together; without"
    " the salts nobody can try out contents against the hashes",
    "candidates": "those that a legal hold covered when their turn came, that were no longer due, that a reviewer had"
    " extended or counted to other domains, or that held nothing any more; they come up again when nothing keeps them",
    "names": "what leads from a pseudonym to a name: disposing forgets no people, erasing does",
    "own entries": "who proposed, reviewed, approved and carried this out, and which numbers went: kept as long as the"
    " log",
}
"""What stays in the log."""
NOT_COVERED: Final[Mapping[str, str]] = {
    "backups": "backups, archived WAL and lagging replicas, until they expire; after a restore it is there again until"
    " it is disposed of again",
    "the disk": "bytes of vacuumed rows may stay in the files' free space until it is written over or `unbroken db"
    " vacuum --full` has run, and in WAL until it is recycled",
    "copies": "exports, what readers were shown, recorders' spools, and what was archived elsewhere",
    "stolen keys": "copies of private keys that somebody made against the rules: nobody can show that there are none",
    "mentions": "what other entries, which are kept longer, say of the same things",
    "later entries": "what was recorded, or became due, after the candidates had been frozen; and other systems",
}
"""What a disposal does not reach, and its certificate does not speak for."""
HOLD_CHECK: Final = (
    "in each transaction that destroyed anything, under the lock that every change of a hold takes: what a hold in"
    " force covered was kept"
)
