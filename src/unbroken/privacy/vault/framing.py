"""Byte strings joined so that no two lists of them give the same bytes."""


def framed(*fields: bytes) -> bytes:
    """Each field after its length in four bytes, most significant first."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)
