"""Keys and values in running text: pieces of JSON, XML, forms and logs that no parser was given."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.keys import KeyReader, looks_meant
from unbroken.privacy.redaction.page import Page

_QUOTED: Final = re.compile(
    r"(?P<q>[\"'])(?P<key>[A-Za-z][\w .\-]{1,40})(?P=q)\s{0,3}(?::|=>|=)\s{0,3}"
    r"(?:\"(?P<double>[^\"\x00\n]{1,300})\"|'(?P<single>[^'\x00\n]{1,300})'|(?P<bare>-?\d[\d.]{2,30}))"
)
_AFTER_DOUBLE: Final = re.compile(r"\"\s{0,3}[:=]")
_AFTER_SINGLE: Final = re.compile(r"'\s{0,3}[:=]")
_ELEMENT: Final = re.compile(
    r"<(?P<key>[A-Za-z][\w:.\-]{1,40})(?:\s[^<>\x00]{0,100})?>(?P<value>[^<>\x00]{1,300})</(?P=key)>"
)
_FORM: Final = re.compile(r"[?&;\x01](?P<key>[A-Za-z][\w.\-]{1,40})=(?P<value>[^&;\s\x00]{1,300})")


class Keyed(NamedTuple):
    """A value whose key names it in words that don't stand there as words: ``npiNumber``."""

    words: str
    start: int
    end: int


def pairs(page: Page, found: Findings, read_key: KeyReader) -> list[Keyed]:
    """Takes values whose keys are sensitive; answers those whose keys are context only."""
    text = page.text
    keyed: list[Keyed] = []
    if ('"' in text and _AFTER_DOUBLE.search(text) is not None) or (
        "'" in text and _AFTER_SINGLE.search(text) is not None
    ):
        match = _QUOTED.search(text)
        while match is not None:
            group = next(name for name in ("double", "single", "bare") if match[name] is not None)
            more = list(_pair(match, group, found, read_key))
            keyed += more
            # A value may hold pairs of its own.
            match = _QUOTED.search(text, match.end() if more or group == "bare" else match.start(group))
    if "<" in text and "</" in text:
        for match in _ELEMENT.finditer(text):
            keyed += _pair(match, "value", found, read_key)
    if "=" in text and ("&" in text or "?" in text or ";" in text):
        for match in _FORM.finditer(text):
            keyed += _pair(match, "value", found, read_key)
    return keyed


def _pair(match: re.Match[str], group: str, found: Findings, read_key: KeyReader) -> Iterator[Keyed]:
    key = match["key"].rpartition(":")[2]
    said = read_key(key)
    value = match[group]
    if said.kind is not None and value not in ("null", "true", "false", "None") and value.strip():
        if not said.doubtful or looks_meant(said.kind, value):
            found.add(*match.span(group), said.kind, "key in running text")
    elif said.words and key != key.lower() and any(letter.isdigit() for letter in value):
        yield Keyed(said.words, *match.span(group))
