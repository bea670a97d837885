"""E-mail addresses, also with what keeps machines from seeing them: ``(at)``, ``[dot]``, blanks, quotes."""

import re
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

_LOCAL: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-"
# What an address may hold but text around it more often does: stripped from its beginning.
_NOT_FIRST: Final = ".'`/=|&?{}*!#$%^~-"
_LONGEST_LOCAL: Final = 64
_LONGEST_DOMAIN: Final = 253
_DOMAIN: Final = re.compile(r"[\w\-]+(?:\.[\w\-]+)*")
_LITERAL_DOMAIN: Final = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f.:]{7,45}\]")
_TOP: Final = re.compile(r"(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})", re.IGNORECASE)
_FILES: Final = frozenset(
    "png jpg jpeg gif svg webp css js mjs json jsonl html htm xml txt pdf csv yaml yml lock map exe dll jar"
    " class tsx jsx"
    " ipynb log conf cfg ini toml tar gz tgz bz2 whl egg local internal localdomain lan"
    .split()
)  # fmt: skip
_INTERNAL: Final = frozenset("local internal localdomain lan".split())
_COMMON_TOPS: Final = frozenset(
    "com org net edu gov mil int info biz io ai app dev me co uk us de fr es it nl be ch at se no dk fi pl pt"
    " br in cn jp"
    " kr ru au nz ca mx ar cl za eu tv online shop site xyz tech health email name pro club cloud ie cz hu gr"
    " tr il ua ro"
    .split()
)  # fmt: skip
_HIDDEN_AT: Final = re.compile(
    r"([\w.+\-]{1,64})(?:\s?[\[({<]\s?at\s?[\])}>]\s?|\s?\[@\]\s?|\s?\(@\)\s?)"
    r"([\w\-]{1,63}(?:(?:\.|\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?|\sdot\s)[\w\-]{1,63}){1,5})",
    re.IGNORECASE,
)
_BRACKETED_AT: Final = re.compile(r"[\[({<]\s?at\s?[\])}>]", re.IGNORECASE)
WORDS: Final = frozenset(("at", "dot"))
_SPOKEN: Final = re.compile(
    r"([\w+\-]{1,64}(?:(?:\.|\sdot\s)[\w+\-]{1,64}){0,3})\sat\s([\w\-]{1,63}(?:\sdot\s[\w\-]{1,63}){1,4})",
    re.IGNORECASE,
)
_DOT: Final = re.compile(r"\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?|\sdot\s", re.IGNORECASE)


def addresses(page: Page, found: Findings) -> None:
    """Takes every address with an ``@``, and the disguised ones."""
    text = page.text
    at = text.find("@")
    bracketed = at >= 0 and ("[@]" in text or "(@)" in text)
    while at >= 0:
        _around(page, at, found)
        at = text.find("@", at + 1)
    brackets = "at" in page.hints and ("(" in text or "[" in text or "{" in text or "<" in text)
    if bracketed or (brackets and _BRACKETED_AT.search(text) is not None):
        _disguised(page, _HIDDEN_AT, found)
    if "at" in page.hints and "dot" in page.hints:
        _disguised(page, _SPOKEN, found)


def _around(page: Page, at: int, found: Findings) -> None:
    text = page.text
    if text[at + 1 : at + 2] == " " or text[max(at - 1, 0) : at] == " ":
        _spaced(page, at, found)
        return
    end = _domain_end(text, at + 1)
    if not end:
        return
    start = _local_start(text, at)
    if start < at and not _is_remote(text, start, at=at, end=end):
        found.add(start, end, "EMAIL_ADDRESS", "e-mail address")


def _local_start(text: str, at: int) -> int:
    """Where the part before ``@`` begins; ``at`` when there is none."""
    before = text[max(at - _LONGEST_LOCAL, 0) : at]
    if before.endswith('"'):
        quote = before.rfind('"', 0, -1)
        if quote >= 0 and "\x00" not in before[quote:] and "\n" not in before[quote:]:
            return at - len(before) + quote
        before = before[:-1]
    if before.isascii():
        local = before[len(before.rstrip(_LOCAL)) :]
    else:
        begin = len(before)
        while begin > 0 and (before[begin - 1].isalnum() or before[begin - 1] in _LOCAL):
            begin -= 1
        local = before[begin:]
    # Of ``mailto=jane@…`` and ``a|jane@…`` the last piece is the name.
    cut = max(local.rfind(mark) for mark in "=|/&?{}`'*")
    local = local[cut + 1 :] if cut < len(local) - 1 else local.rstrip(_NOT_FIRST)[cut + 1 :]
    return at - len(local.lstrip(_NOT_FIRST))


def _domain_end(text: str, start: int) -> int:
    """Where a domain with a possible top level ends; 0 when there is none."""
    match = _DOMAIN.match(text, start, start + _LONGEST_DOMAIN)
    if match is None:
        literal = _LITERAL_DOMAIN.match(text, start)
        return literal.end() if literal is not None else 0
    labels = match[0].split(".")
    while len(labels) > 1 and not _is_top(labels[-1]):
        labels.pop()
    return start + len(".".join(labels)) if _is_domain(labels) else 0


def _is_domain(labels: list[str]) -> bool:
    if len(labels) < 2 or labels[0].startswith("-") or not all(labels):
        return False
    if len(labels) > 2 and labels[0].isdigit() and labels[1].isdigit():
        return False
    return labels[-1].lower() not in _FILES or labels[-1].lower() in _INTERNAL


def _is_top(label: str) -> bool:
    return _TOP.fullmatch(label) is not None


def _is_remote(text: str, start: int, *, at: int, end: int) -> bool:
    """``git@host:path`` and ``//user:secret@host`` name no person's mailbox."""
    if text[end : end + 1] == ":" and text[start:at] in ("git", "hg", "root", "ubuntu", "ec2-user"):
        return True
    scheme = text.rfind("://", max(start - 300, 0), start)
    return scheme >= 0 and not text[scheme + 3 : start].strip(_LOCAL + ":%")


def _spaced(page: Page, at: int, found: Findings) -> None:
    text = page.text
    begin = at - 1 if text[at - 1 : at] == " " else at
    after = at + 2 if text[at + 1 : at + 2] == " " else at + 1
    end = _domain_end(text, after)
    start = _local_start(text, begin)
    if not end or start >= begin or text[end - 1] == " ":
        return
    top = text[after:end].rpartition(".")[2].lower()
    # With a blank on one side only it may also be a mention.
    meant = after > at + 1 and begin < at
    meant = meant or not text[start:begin].isalpha() or "mail" in page.left_of(start)
    if top in _COMMON_TOPS and meant and text[start:begin].strip("."):
        found.add(start, end, "EMAIL_ADDRESS", "e-mail address with blanks")


def _disguised(page: Page, pattern: re.Pattern[str], found: Findings) -> None:
    for match in pattern.finditer(page.text):
        top = _DOT.sub(".", match[2]).rpartition(".")[2].lower()
        if top in _COMMON_TOPS:
            found.add(*match.span(), "EMAIL_ADDRESS", "disguised e-mail address")
