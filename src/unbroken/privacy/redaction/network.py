"""Addresses of machines and places: IP, MAC, URLs with credentials, web sites of people."""

import ipaddress
import re
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

_V4: Final = re.compile(
    r"\d(?<![\w]\d)(?<!\d[.]\d)\d{0,2}(?:(?:\.|\[\.\]|\(\.\)|\[dot\])\d{1,3}){3}(?![\w]|\.\d)(?:/\d{1,2}(?!\d))?"
)
_PRODUCT: Final = re.compile(r"(?<![:/.\w])[a-z]+/$")
# Two colons with at most one group between them; what stands around is then looked at.
_COLONS: Final = re.compile(r":(?!\d\d:\d\d(?![0-9A-Fa-f]*:))[0-9A-Fa-f]{0,4}:")
_DOTTED: Final = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_V6_LETTERS: Final = "0123456789abcdefABCDEF:."
_MAC_HYPHENS: Final = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}(?![\w:-])")
_MAC_DOTS: Final = re.compile(r"(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.])")
_ZONE: Final = re.compile(r"%[0-9A-Za-z]{1,15}|/\d{1,3}(?!\d)")
_SCHEME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-")
_URL: Final = re.compile(r"[^\s\x00-\x20\"'<>`\\^{}|]+")
_USER: Final = re.compile(r"([^\s/@\x00-\x20\"'<>]*:)([^\s\x00-\x20\"'<>/]*(?:/[^\s\x00-\x20\"'<>@/]*)?)@(?=[\w\[])")
_SITE: Final = re.compile(r"(?:www\.)?(?:[\w\-]{1,63}\.){1,4}[^\W\d_]{2,24}/?")
_TECHNICAL_HOST: Final = re.compile(
    r"(?:^|\.)(?:api|docs?|cdn|static|assets|auth|login|status|dev|staging|example|localhost|schema|schemas|json-schema"
    r"|w3|github|gitlab|google|googleapis|amazonaws|azure|cloudflare|openai|anthropic|mozilla|wikipedia|python|npmjs|pypi)"
    r"(?:\.|$)"
)

_FEW_WORDS: Final = 3
IP_WORDS: Final = frozenset("ip ipv4 ipv6 address gateway server client host loopback unspecified remote addr".split())
MAC_WORDS: Final = frozenset("mac ethernet hardware physical bssid".split())
SITE_WORDS: Final = frozenset(
    "website websites homepage blog site webpage profile portfolio linkedin facebook twitter instagram shared visit"
    .split()
)  # fmt: skip


def machines(page: Page, found: Findings) -> None:
    """Takes IP and MAC addresses."""
    text = page.text
    defanged = ("[" in text and ("[.]" in text or "[dot]" in text)) or ("(" in text and "(.)" in text)
    if defanged or _DOTTED.search(text) is not None:
        for match in _V4.finditer(text):
            _v4(page, match, found)
    end = 0
    for match in _COLONS.finditer(text):
        if match.start() >= end:
            end = _colons(page, match, found)
    if b"-00-00-" in page.shape:
        for match in _MAC_HYPHENS.finditer(text):
            _mac(match, found)
    if not MAC_WORDS.isdisjoint(page.hints):
        for match in _MAC_DOTS.finditer(text):
            found.add_if_near(*match.span(), "MAC_ADDRESS", rule="MAC address", words=MAC_WORDS)


def _v4(page: Page, match: re.Match[str], found: Findings) -> None:
    plain = re.sub(r"[\[\]()]|dot", lambda mark: "." if mark[0] == "dot" else "", match[0]).partition("/")[0]
    octets = plain.split(".")
    if any(int(octet) > 255 or (len(octet) > 1 and octet[0] == "0") for octet in octets):
        return
    before = page.left_of(match.start(), 24)
    if before.endswith(("version ", "version: ", "version=", "ver ", "ver. ", "build ", "release ", "firmware ")):
        return
    # A product and its version, as browsers write: ``Chrome/120.0.0.0``.
    product = before.endswith("/") and before[-2:-1].isalnum()
    if product and (octets[2:] == ["0", "0"] or _PRODUCT.search(before) is not None):
        return
    if before.endswith(("v", "@", "-", "==", ">=", "~", "^")) and not before.endswith(" -") and "@" not in before:
        return
    found.add(*match.span(), "IP_ADDRESS", "IPv4 address")


def _colons(page: Page, match: re.Match[str], found: Findings) -> int:
    """Takes what the colons are part of; answers where that ends."""
    text = page.text
    before = text[max(match.start() - 45, 0) : match.start()]
    start = match.start() - (len(before) - len(before.rstrip(_V6_LETTERS)))
    after = text[match.end() : match.end() + 45]
    end = match.end() + len(after) - len(after.lstrip(_V6_LETTERS))
    word = (
        text[start:end].rstrip(".").rstrip(":")
        if not text[start:end].rstrip(".").endswith("::")
        else text[start:end].rstrip(".")
    )
    if start > 0 and text[start - 1].isalnum():
        return end
    end = start + len(word)
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        return end
    if word.count(":") == 5 and re.fullmatch(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}", word) is not None:
        _mac_text(word, start, found)
    elif _is_v6(page, word, start):
        zone = _ZONE.match(text, end)
        found.add(start, zone.end() if zone is not None else end, "IP_ADDRESS", "IPv6 address")
    return end


def _is_v6(page: Page, word: str, start: int) -> bool:
    if word.count(":") < 2 or len(word) > 45 or (word.count(":") != 7 and "::" not in word and "." not in word):
        return False
    # ``a::b`` is also how programs name things.
    groups = [group for group in word.split(":") if group]
    telling = len(groups) >= 3 or any(len(group) == 4 for group in groups) or any(c.isdigit() for c in word)
    alone = len(groups) < 2 and not any(len(group) == 4 for group in groups)
    before = page.left_of(start).replace(":", " ").replace("=", " ").split()[-4:]
    if (not telling or alone) and IP_WORDS.isdisjoint(before):
        return False
    try:
        ipaddress.IPv6Address(word)
    except ValueError:
        return False
    return True


def _mac(match: re.Match[str], found: Findings) -> None:
    _mac_text(match[0], match.start(), found)


def _mac_text(word: str, start: int, found: Findings) -> None:
    digits = word.replace(":", "").replace("-", "").lower()
    if digits not in ("000000000000", "ffffffffffff"):
        found.add(start, start + len(word), "MAC_ADDRESS", "MAC address")


def urls(page: Page, found: Findings, *, every: bool) -> None:
    """Takes credentials in URLs and web sites of people; every URL where the profile says so."""
    text = page.text
    at = text.find("://")
    while at >= 0:
        end = _url(page, at, found, every=every)
        at = text.find("://", max(end, at + 3))


def _url(page: Page, at: int, found: Findings, *, every: bool) -> int:
    text = page.text
    begin = at
    while begin > 0 and at - begin < 20 and text[begin - 1] in _SCHEME:
        begin -= 1
    user = _USER.match(text, at + 3, at + 600)
    if user is not None and user[2]:
        found.add(*_credentials(user), "URL_CREDENTIALS", "credentials in a URL")
    match = _URL.match(text, at + 3, at + 2048)
    if match is None:
        return at + 3
    end = match.start() + len(match[0].rstrip(".,;:!?)]'*"))
    scheme = text[begin:at].lower()
    if scheme not in ("http", "https", "hxxp", "hxxps", "ftp"):
        return end if user is None else at + 3
    if user is None and (every or _is_site(page, begin, at + 3, end=end)):
        found.add(begin, end, "URL", "URL" if every else "web site in running text")
    elif user is None and end > begin:
        found.add_if_near(begin, end, "URL", rule="web site", words=SITE_WORDS)
    return end


def _credentials(user: re.Match[str]) -> tuple[int, int]:
    return user.start(1), user.end(2)


def _is_site(page: Page, begin: int, host: int, *, end: int) -> bool:
    """Whether a URL is just the address of a site, in running text: such are a person's or a company's."""
    if _SITE.fullmatch(page.text, host, end) is None or _TECHNICAL_HOST.search(page.lower[host:end].rstrip("/")):
        return False
    return len(page.around(begin, end).split()) > _FEW_WORDS
