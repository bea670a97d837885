"""What erasing a person destroys and how, what stays and on which ground, and what it does not reach.

These sentences stand on the screen of whoever decides and in the certificate that is read years later: one wording,
each under the one word that it is about.
"""

from collections.abc import Mapping
from typing import Final

METHODS: Final[Mapping[str, str]] = {
    "payloads": "what was said, asked, answered and found, with its salts; rows deleted",
    "originals": "what it was before redaction, sealed; rows deleted, and their keys with them",
    "keys": "wrapped private keys of the person and of their sessions; rows deleted; without them no original opens",
    "names": "what led from a name to its pseudonym and back; rows deleted",
}
"""How each kind is destroyed."""

_LINES: Final = (
    "time, kind, agent, tool, pseudonyms or opaque ids, salted hashes: they hold the chain together and are evidence of"
    " the erasure itself (GDPR Art. 5(2), 17(3)(b), 17(3)(e); verify)"
)
_ACTED: Final = (
    "payloads of what the person did to others, which are those people's records (GDPR Art. 15(4), 17(3); verify)"
)
_OWN_ENTRIES: Final = (
    "who was given access, who read and for which purpose, who asked for and confirmed this erasure (GDPR Art. 5(2);"
    " verify); pseudonyms, and no content"
)


def kept(*, with_acted: bool) -> dict[str, str]:
    """What stays in the log, and on which ground."""
    acted = {} if with_acted else {"their acts": _ACTED}
    return {"lines": _LINES, **acted, "own entries": _OWN_ENTRIES}


HELD: Final = (
    "kept by a legal hold, as what is about the person, or as it names them: nothing is destroyed before the hold is"
    " over (GDPR Art. 17(3)(e); verify)"
)
"""What a legal hold does to an erasure."""
FLOORED: Final = "still to be kept by a law, as the policies in force have it (GDPR Art. 17(3)(b); verify)"
"""What a law's period does to it."""
_OTHER_DUTIES: Final = (
    "legal holds and duties to keep that nobody has told this log of; whether one forbids the erasure (GDPR Art. 17(3);"
    " verify) is for the people who ask and confirm to judge"
)
NOT_COVERED: Final[Mapping[str, str]] = {
    "backups": "backups, archived WAL and lagging replicas, until they expire; after a restore `unbroken recover`"
    " destroys it again before people can read",
    "the disk": "deleted rows stay in the files until `unbroken db vacuum --full`, and in WAL until it is recycled",
    "copies": "exports, what readers were shown, recorders' spools, and their memory for up to ten minutes",
    "stolen keys": "copies of private keys that somebody made against the rules: nobody can show that there are none",
    "mentions": "what entries about others say of this person in their texts, and entries that do not name them",
    "later entries": "what is recorded after the time up to which entries are concerned, and other systems",
    "other duties": _OTHER_DUTIES,
}
"""What an erasure does not reach, and a certificate does not speak for."""
IRREVERSIBLE: Final = "Once begun, nobody can take it back."
