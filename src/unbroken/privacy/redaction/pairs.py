"""Keys and values in running text: pieces of JSON, XML, forms and logs that no parser was given."""

import re
from typing import Final

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


def pairs(page: Page, found: Findings, read_key: KeyReader) -> None:
    """Takes values whose keys are sensitive."""
    text = page.text
    if ('"' in text and _AFTER_DOUBLE.search(text) is not None) or (
        "'" in text and _AFTER_SINGLE.search(text) is not None
    ):
        for match in _QUOTED.finditer(text):
            group = next(name for name in ("double", "single", "bare") if match[name] is not None)
            _pair(match, group, found, read_key)
    if "<" in text and "</" in text:
        for match in _ELEMENT.finditer(text):
            _pair(match, "value", found, read_key)
    if "=" in text and ("&" in text or "?" in text or ";" in text):
        for match in _FORM.finditer(text):
            _pair(match, "value", found, read_key)


def _pair(match: re.Match[str], group: str, found: Findings, read_key: KeyReader) -> None:
    said = read_key(match["key"].rpartition(":")[2])
    value = match[group]
    if said.kind is None or value in ("null", "true", "false", "None") or not value.strip():
        return
    if not said.doubtful or looks_meant(said.kind, value):
        found.add(*match.span(group), said.kind, "key in running text")
