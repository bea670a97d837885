"""What an approver sees of a request's arguments, what is kept from them, and whether it is what they decide on."""

from dataclasses import dataclass

import msgspec

from unbroken.core.event import Event
from unbroken.core.keyed import LogKey
from unbroken.errors import UnbrokenError
from unbroken.investigate.content import indented
from unbroken.investigate.masked import counts_of, in_words
from unbroken.investigate.printable import printable, printable_lines
from unbroken.investigate.short_forms import ShortForms, has_typed, is_scanned, masked_in


@dataclass(frozen=True, slots=True)
class RequestedArguments:
    """The arguments as printable lines, notes on them, and in words what is masked; that is empty if nothing is."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    masked: str = ""


def not_shown(why: str) -> RequestedArguments:
    """Arguments that are not shown at all."""
    return RequestedArguments((), (f"({why})",))


def requested_arguments(event: Event, arguments: bytes, *, bound_to: str, key: LogKey | None) -> RequestedArguments:
    """The ``arguments`` of an ``approval_requested``, whose decision is ``bound_to`` their keyed hash.

    A recorder could show one thing and have another approved, so where the log's ``key`` is at hand they are compared.
    The hash is over what the tool is called with: where something of that is masked, they can't be compared. Raises
    :class:`UnbrokenError` where they are not the same and nothing explains it.
    """
    text, scanned = arguments.decode("utf-8", "replace"), is_scanned(event)
    shown = ShortForms().text(indented(text), scanned=scanned)
    notes = [_compared(event, arguments, bound_to=bound_to, key=key)]
    if scanned and has_typed(text):
        notes.append("(what is marked as typed was written so, and stands for nothing that was masked)")
    return RequestedArguments(
        tuple(printable_lines(shown)),
        tuple(note for note in notes if note),
        printable(in_words(masked_in(text) if scanned else {})),
    )


def _compared(event: Event, arguments: bytes, *, bound_to: str, key: LogKey | None) -> str:
    """Why the arguments could not be compared; empty where they were, and are what a decision is bound to."""
    if key is None or key.id != bound_to.partition(":")[0].removeprefix("k"):
        return "(not compared with what an approval is bound to, for want of the log's key)"
    if key.hash(msgspec.json.decode(arguments)) == bound_to:
        return ""
    if _differ_by_redaction(event, arguments.decode("utf-8", "replace")):
        return "(shown redacted, so not compared with what an approval is bound to)"
    raise UnbrokenError("the request shows other arguments than an approval would be bound to: don't approve it")


def _differ_by_redaction(event: Event, text: str) -> bool:
    """Whether the arguments were changed before they were recorded, which has to show in them: the claim won't do."""
    return is_scanned(event) and ((bool(counts_of(event)) and bool(masked_in(text))) or has_typed(text))
