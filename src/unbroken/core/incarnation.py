"""A log's full name: its origin, and after a tilde its incarnation, counted from 1; entries that are lost end one."""


def full_name(origin: str, incarnation: int) -> str:
    """``clinic.example/agents~2`` for an origin and 2."""
    return f"{origin}~{incarnation}"


def origin_of(log: str) -> str:
    """A log's name without its incarnation; ``log`` may have one or not."""
    return log.partition("~")[0]


def incarnation_of(log: str) -> int:
    """The incarnation in a full name; 0 where there is none that could be."""
    _, _, digits = log.partition("~")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def continues(log: str, earlier: str) -> bool:
    """Whether ``log`` is a later incarnation of the same log; both are full names."""
    return origin_of(log) == origin_of(earlier) and incarnation_of(log) > incarnation_of(earlier) > 0
