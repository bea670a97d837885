"""``LIMITS.md``: what a bundle shows and what it does not, for whoever is handed it."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from unbroken.investigate.printable import printable
from unbroken.verify.bundle.selection import Selection

_WIDTH: Final = 100
_KINDS: Final = {
    "log": "everything up to a point",
    "session": "one session",
    "actor": "what one actor did",
    "subject": "what concerns one person",
    "time": "a span of time",
    "query": "the answer to one question",
}


def limits_of(selection: Selection, *, log: str, with_range: bool, withheld: Sequence[str], draft: bool) -> str:
    """The text, for one bundle."""
    asked = ", ".join(f"{name} {_in_words(value)}" for name, value in selection.said().items())
    paragraphs = (
        "# What this evidence shows, and what it does not",
        f"It is about {_KINDS[selection.kind]}, of the log:\n\n    {printable(log)}",
        # Ids are strangers' words: where they stand as code, nothing in them is taken for Markdown.
        f"Asked for:\n\n    {printable(asked)}",
        "## It shows",
        *_listed(_shows(selection, with_range=with_range, draft=draft)),
        "## It does not show",
        *_listed(_shows_not(selection, with_range=with_range, withheld=withheld, draft=draft)),
        "## How to check it",
        *_CHECKING,
    )
    return "\n\n".join(map(_wrapped, paragraphs)) + "\n"


def _shows(selection: Selection, *, with_range: bool, draft: bool) -> Iterator[str]:
    yield (
        "That each entry stands in the log as it was recorded, at this number, since before the checkpoint was signed, "
        "if `verify.py` or `verify.html` says *proven*: whoever has changed a character of a line, its number or its "
        "place since then is found out."
    )
    yield (
        "That what is handed out of an entry's content is what was recorded with it, and whether something is absent: "
        "withheld on purpose, or destroyed by an erasure or a disposal that the log tells of."
    )
    if not draft:
        yield "Who exported it, under which duty, for what purpose and when: the log has an entry about this export."
    if selection.kind == "session":
        yield "That no entry of the session is missing between the first one and the last one here: they are numbered."
    if with_range and selection.can_be_rerun:
        yield (
            "That between the first and the last selected entry none was left out that the question fits: the lines "
            "of all entries in between are here, without their content, so that the question can be put again."
        )


def _shows_not(selection: Selection, *, with_range: bool, withheld: Sequence[str], draft: bool) -> Iterator[str]:
    yield (
        "That the log is genuine, by itself. A bundle brings its own keys, which proves only that it agrees with "
        "itself; without a key that you got elsewhere, from whoever runs the log's notary, the verdict is *origin "
        "unproven*."
    )
    yield (
        "That what was recorded is true, or that everything that happened was recorded. It shows what the agent's "
        "software and the log wrote down, when they did."
    )
    yield (
        "When something happened, beyond what clocks said: `ts` is the recorder's, `recorded_at` the database's. "
        "Only a timestamp or a cosignature of somebody independent bounds it, from one side: not later than that."
    )
    if not (with_range and selection.can_be_rerun) and selection.kind not in ("log", "session"):
        yield (
            "That nothing was left out that the question fits. Which entries are here was found by whoever exported "
            "them. Ask for a bundle with the lines of the whole range to check that."
        )
    if selection.kind == "session":
        yield "That the session went no further after the last entry that is here."
    else:
        yield f"Anything about entries after number {selection.upto}, the last one that was looked at."
    yield (
        "That nothing that was destroyed was under a legal hold. Holds are entries of their own, and only those that "
        "were selected are here: a verifier goes by them, and by no other."
    )
    yield "What was said before redaction: what was masked is not in the log's payloads, and not here."
    if withheld:
        yield (
            f"What the withheld parts say ({', '.join(withheld)}). Their commitments are in the lines, so that they "
            "can be handed over later and checked then."
        )
    yield "Anything by `entries.csv`: it is a copy for spreadsheets. What is checked is `entries.jsonl`."
    if draft:
        yield "That anybody stands behind it: this is a draft, which the log has no entry of, and nobody signed."


_CHECKING: Final = (
    "With Python 3.11 or later and nothing else, on a machine without a network:",
    "```text\npython -I verify.py BUNDLE.zip --trust KEY\n```",
    (
        "KEY is the log's verifier key, as its notary's operator gave it to you. Take `verify.py` from the release of "
        "unbroken and not from the bundle, or compare its SHA-256 with the published one: a verifier that comes with "
        "what it verifies can say anything. The same goes for `verify.html`, which checks the bundle in a browser and "
        "sends nothing anywhere."
    ),
)


def _listed(points: Iterator[str]) -> Iterator[str]:
    yield from (f"- {point}" for point in points)


def _wrapped(text: str) -> str:
    if "\n" in text or text.startswith("#"):
        return text
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _in_words(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " or ".join(value)
