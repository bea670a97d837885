"""What erasing a person destroys and how, what stays and on which ground, and what it does not reach.

The sentences stand on the screen of whoever decides, and in the certificate that is read years later: one wording.
"""

from collections.abc import Mapping
from typing import Final

_KEYS: Final = """
the wrapped private halves of the person's and their sessions' vault keys: rows deleted; what is sealed to them opens to
nobody, wherever a copy of it lies"""
_NAMES: Final = "the rows that led from a name to a pseudonym and back: rows deleted"
_ORIGINALS: Final = "the sealed originals of entries about the person: rows deleted, and their keys with them"
_PAYLOADS: Final = """
what was said, asked, answered and found in entries about the person, with its salts: rows deleted"""
_LINES: Final = """
The lines of the log stay: time, kind, agent, tool, pseudonyms or opaque ids, and salted hashes of what was said. They
hold the chain together and are the evidence that the erasure took place (GDPR Art. 5(2), 17(3)(b) and (e); verify)."""
_ACTED: Final = """
Payloads of entries in which the person acted and which concern other people stay: they belong to those people's records
(GDPR Art. 15(4), 17(3); verify)."""
_OWN_ENTRIES: Final = """
The log's own entries stay: who asked for access, who read and for which purpose, who asked for and confirmed this
erasure (GDPR Art. 5(2); verify). They hold pseudonyms and no content."""
_NO_HOLDS: Final = """
Legal holds and retention floors: this release knows none. Whether one forbids an erasure (GDPR Art. 17(3); verify) is
for the people who ask and confirm to judge."""
_BACKUPS: Final = """
Backups, archived WAL and replicas that lag: until they expire or catch up they hold what was destroyed. After a restore
`unbroken recover` destroys it again before the log can be read."""
_DISK: Final = """
Bytes that PostgreSQL has marked as deleted, until `unbroken db vacuum` has run, and its WAL, until it is recycled."""
_COPIES: Final = """
Copies made before: exports, what readers were shown, the files of recorders' spools, what a recorder remembers for up
to ten minutes, memory and swap of processes."""
_KEY_COPIES: Final = """
Copies of private vault keys or of key files that somebody made against the rules: that they are gone can't be shown."""
_OTHERS: Final = """
What entries about other people say of this person in their texts: a person who is not among an entry's subjects is not
found by it."""
_LATER: Final = "Entries recorded after the time stated as upto_at, and other systems than this log."


def _sentence(text: str) -> str:
    return " ".join(text.split())


METHODS: Final[Mapping[str, str]] = {
    "keys": _sentence(_KEYS),
    "names": _NAMES,
    "originals": _ORIGINALS,
    "payloads": _sentence(_PAYLOADS),
}
"""How each kind is destroyed."""
NOT_COVERED: Final = tuple(map(_sentence, (_BACKUPS, _DISK, _COPIES, _KEY_COPIES, _OTHERS, _NO_HOLDS, _LATER)))
"""What an erasure does not reach, and a certificate does not speak for."""
IRREVERSIBLE: Final = "Nobody can take any of this back once it has begun."


def kept(*, with_acted: bool) -> list[str]:
    """What stays in the log, and on which ground."""
    return [_sentence(each) for each in (_LINES, *(() if with_acted else (_ACTED,)), _OWN_ENTRIES)]
