"""Prompts in words: what is kept of them, which template they were made from, and what changed."""

from typing import Any, Final

from unbroken.core.keyed import is_keyed_hash
from unbroken.investigate.content import short, text_of, within
from unbroken.investigate.printable import printable
from unbroken.investigate.words import count

SYSTEM_ROLES: Final = ("system", "developer")
_DIGITS: Final = 8
_NAME: Final = 100


def is_described(message: Any) -> bool:
    """Whether a message or a template is kept as its length, and its hash where there was a key, without its text."""
    return isinstance(message, dict) and "content" not in message and isinstance(message.get("length"), int)


def described(message: Any, *, full: bool = False) -> str:
    """What is kept of a prompt in place of its text: how long it is, and its hash, cut unless ``full``."""
    hashed = text_of(message.get("content_hash"))
    digest = (f", {printable(hashed) if full else short_hash(hashed)}",) if hashed else ()
    return "".join((count(message["length"], "character"), *digest))


def prompt_role(message: Any) -> str:
    """Which prompt a message is, where it is one."""
    return "system prompt" if within(message, "role") in SYSTEM_ROLES else "prompt"


def template_of(template: Any) -> str:
    """The template that a call names, or what is kept of its text; empty where it states none."""
    if isinstance(template, dict):
        name = text_of(template.get("id") or template.get("name"))
        version = text_of(template.get("version"))
        words = " ".join(filter(None, (name, f"v{version}" if version[:1].isdigit() else version)))
        words = words or (described(template) if is_described(template) else "")
    else:
        words = text_of(template).partition("\n")[0]
    return f"template {short(words, _NAME)}" if words else ""


def changed(details: Any) -> str:
    """What an agent's prompt or model changed from and to, and with which call; empty where details tell of none."""
    before, after, seq = (within(details, key) for key in ("from", "to", "seq"))
    if not isinstance(before, str) or not isinstance(after, str):
        return ""
    template = template_of(within(details, "template"))
    place = f", with entry {seq:,}" if isinstance(seq, int) else ""
    return printable(f"{template + ', ' if template else ''}{short_hash(before)} → {short_hash(after)}{place}")


def short_hash(text: str) -> str:
    """A keyed hash by its first digits; any other text as it is, on one line."""
    key, _, digits = text.partition(":")
    return f"{key}:{digits[:_DIGITS]}…" if is_keyed_hash(text) else short(text, _NAME)
