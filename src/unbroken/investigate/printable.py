"""Recorded text made harmless to print: what a log holds was written by models, tools and strangers.

Terminals obey escape sequences, and Unicode has characters that reorder or hide text. Each of them is shown as a
visible stand-in, so that a reader sees that it is there and nothing happens.
"""

import re
from typing import Final

TAB: Final = "    "

# Control characters, soft hyphen, everything that sets a direction or is invisible, lone surrogates. The two joiners
# U+200C and U+200D stay: words and emoji are spelt with them.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """``text`` on one line, every character of it visible; control characters as their Unicode pictures."""
    return _HARMFUL.sub(_stand_in, text)


def printable_lines(text: str) -> list[str]:
    """``text`` line by line, each as :func:`printable` gives it; tabs become spaces."""
    return [printable(line.replace("\t", TAB)) for line in text.replace("\r\n", "\n").split("\n")]


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"
