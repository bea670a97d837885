"""The checkpoint that is shown to others: the log's note with what witnesses put to it."""

from collections.abc import Iterable

from unbroken.anchors.anchor import Receipt
from unbroken.core.note import MAX_SIGNATURES, Signature, parse
from unbroken.errors import AnchorError, NoteError


def served(note: str, receipts: Iterable[bytes]) -> str:
    """``note`` with the cosignatures that receipts of witnesses bear over the same checkpoint, of each key the first.

    A later note of the same tree has the same text, so cosignatures of an earlier one fit it. None is verified here:
    whoever reads the note does that. Receipts of other kinds and other trees, and what is none, are passed over.
    """
    given = parse(note)
    seen = {(each.name, each.key_id) for each in given.signatures}
    lines: list[str] = []
    for raw in receipts:
        for line, signature in _lines_of(raw, given.text):
            key = (signature.name, signature.key_id)
            if key not in seen and len(seen) < MAX_SIGNATURES:
                seen.add(key)
                lines.append(f"{line}\n")
    return note + "".join(lines)


def _lines_of(raw: bytes, text: str) -> Iterable[tuple[str, Signature]]:
    """The lines of a witness's receipt over the checkpoint ``text``, each as it stands and taken apart."""
    try:
        receipt = Receipt.from_bytes(raw)
        if receipt.kind != "witness" or parse(receipt.note).text != text:
            return ()
        lines = receipt.proof.decode()
        # The text is of one note as long as no line among them is empty.
        cosigned = parse(f"{text}\n{lines}")
    except (AnchorError, NoteError, UnicodeDecodeError):
        return ()
    if cosigned.text != text:
        return ()
    return zip(lines.removesuffix("\n").split("\n"), cosigned.signatures, strict=True)
