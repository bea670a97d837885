"""What comes of an attack."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["PASS", "FAIL", "RESIDUAL", "NOTE"]
"""RESIDUAL: PostgreSQL can't refuse it; what is told beside it finds it. NOTE: how the server behaves, no attack."""


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict and what was seen.

    ``worked`` tells an attack that did what it set out to do from one that was refused for another reason than it
    should be, or could not be tried: both are FAIL, but only the first shows that a check can fail.
    """

    verdict: Verdict
    seen: str
    worked: bool = False
