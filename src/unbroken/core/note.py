"""Signed notes (C2SP signed-note): a text, an empty line, and a line for each signature.

Ed25519 alone, type ``01``. As strict as the specification allows, so that one note has one spelling: base64 is
canonical, hex is lower-case, and whatever is not laid out as it says is no note. Signatures of keys that nobody trusts
are passed over; one of a trusted key that does not verify spoils the note. Signatures are verified as OpenSSL does
(RFC 8032, section 5.1.7, without the cofactor), which refuses an S that is not below the group's order.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unbroken.errors import ConfigurationError, NoteError

MAX_NOTE_BYTES: Final = 16 * 2**20
MAX_SIGNATURES: Final = 64
_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_DASH: Final = "\u2014 "
_PRIVATE: Final = "PRIVATE+KEY+"
"""How Go's sumdb/note writes private keys, so that its tools read ours."""
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name that it signs under; as text ``name+hex(id)+base64(type ‖ key)``.

    Raises :class:`ConfigurationError` for a name that is empty or holds a blank or a plus, and for what is no key.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name) or len(self.public) != _KEY_BYTES:
            raise ConfigurationError("a verifier key is a name without blanks or plus signs, and 32 bytes")

    @classmethod
    def from_text(cls, text: str) -> "VerifierKey":
        """The key that ``text`` states; raises :class:`ConfigurationError` where its parts don't fit together."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if raw is None or raw[:1] != _ED25519 or len(raw) != 1 + _KEY_BYTES:
            raise ConfigurationError("not a verifier key of Ed25519: name+id+key, the key in base64")
        key = cls(name, raw[1:])
        if key.id.hex() != key_id:
            raise ConfigurationError("a verifier key's id does not belong to its name and key: it was changed")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes that signatures name the key by, beside its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this key signed ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True

    def line(self, signature: bytes) -> str:
        """The line by which a note bears this key's signature of its text; whether it is one is not asked."""
        return f"{_DASH}{self.name} {_encoded(self.id + signature)}\n"

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_encoded(_ED25519 + self.public)}"


class Signs(Protocol):
    """Whatever signs notes: a key at hand, or one that somebody else keeps."""

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, text: str) -> str:
        """The line with its signature of ``text``."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name that it signs under; raises :class:`ConfigurationError` as :class:`VerifierKey`."""

    name: str
    secret: bytes = field(repr=False)
    verifier: VerifierKey = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _KEY_BYTES:
            raise ConfigurationError("a signing key is 32 bytes long")
        public = self._key().public_key().public_bytes_raw()
        object.__setattr__(self, "verifier", VerifierKey(self.name, public))

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new random one."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_text(cls, text: str) -> "SigningKey":
        """The key of a file's one line, as :meth:`to_text` gives it."""
        name, _, rest = text.removesuffix("\n").removeprefix(_PRIVATE).partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if not text.startswith(_PRIVATE) or raw is None or raw[:1] != _ED25519 or len(raw) != 1 + _KEY_BYTES:
            # Without the text: it is a secret, or what was taken for one.
            raise ConfigurationError("not a signing key: PRIVATE+KEY+name+id+key, the key of Ed25519 in base64")
        key = cls(name, raw[1:])
        if key.verifier.id.hex() != key_id:
            raise ConfigurationError("a signing key's id does not belong to its name and key: it was changed")
        return key

    def to_text(self) -> str:
        """One line with the private key in it."""
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{_encoded(_ED25519 + self.secret)}\n"

    def sign(self, text: str) -> str:
        """The line with this key's signature of ``text``."""
        return self.verifier.line(self._key().sign(text.encode()))

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


@dataclass(frozen=True, slots=True)
class Signature:
    """A line of a note: who is said to have signed, and the bytes after the key's id."""

    name: str
    key_id: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart, nothing of it verified."""

    text: str
    signatures: tuple[Signature, ...]


def signed(text: str, *by: Signs) -> str:
    """``text`` with the signatures of these keys.

    The text ends with a newline; raises :class:`NoteError` for what can't be a note's text.
    """
    note = f"{text}\n{''.join(key.sign(text) for key in by)}"
    parse(note)
    return note


def verified(note: str | bytes, trusted: Iterable[VerifierKey]) -> tuple[str, Sequence[VerifierKey]]:
    """A note's text, and which of the trusted keys signed it.

    Raises :class:`NoteError` where it is no note, none of them signed it, or one of their signatures does not verify.
    """
    keys = {(key.name, key.id): key for key in trusted}
    parsed = parse(note)
    signers: list[VerifierKey] = []
    for signature in parsed.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(parsed.text, signature.raw):
            raise NoteError(f"the signature of {key.name} does not fit the text: one of the two was changed")
        signers += [] if key in signers else [key]
    if not signers:
        names = ", ".join(dict.fromkeys(each.name for each in parsed.signatures))
        raise NoteError(f"no trusted key signed this; it bears signatures of {names}")
    return parsed.text, signers


def parse(note: str | bytes) -> Note:
    """Takes a note apart; raises :class:`NoteError` for anything but exactly one."""
    whole = _text_of(note)
    # The text may hold empty lines itself: the last one is before the signatures.
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not text or not lines.endswith("\n"):
        raise NoteError("this is no signed note: a text, an empty line, and lines of signatures")
    signatures = tuple(map(_signature_of, lines.removesuffix("\n").split("\n")))
    if len(signatures) > MAX_SIGNATURES:
        raise NoteError(f"a note bears more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def _text_of(note: str | bytes) -> str:
    try:
        raw = note if isinstance(note, bytes) else note.encode()
        text = raw.decode()
    except UnicodeError:
        # Without the cause: it quotes what was given.
        raise NoteError("a note is text in UTF-8") from None
    if len(raw) > MAX_NOTE_BYTES:
        raise NoteError("a note is longer than 16 MiB")
    if _CONTROL.search(text):
        raise NoteError("a note holds a control character")
    return text


def _signature_of(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _decoded(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or raw is None or len(raw) <= _ID_BYTES:
        raise NoteError("a note's signature is not laid out as it should be: an em dash, a name, and base64")
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(map(str.isspace, name)) and not _CONTROL.search(name)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes | None:
    """The bytes of canonical base64; ``None`` for any other spelling."""
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return raw if _encoded(raw) == text else None
