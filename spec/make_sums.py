"""Writes SHA256SUMS anew, and into verify.html the hashes of its own script and style.

The page's policy (CSP) lets the browser run this one script and nothing else, so it must name its hash.

    python make_sums.py
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
VERIFIERS: Final = ("verify.html", "verify.py")


def sealed(page: str) -> str:
    """The page with the hashes of its script and style in its policy."""
    for tag in ("script", "style"):
        (inner,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        page, count = re.subn(f"({tag}-src )'[^']*'", rf"\1'sha256-{digest}'", page)
        if count != 1:
            raise ValueError(f"the page names not one policy for its {tag}")
    return page


def sums() -> str:
    """The lines of SHA256SUMS, as `sha256sum --check` reads them."""
    hashes = ((hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(), name) for name in VERIFIERS)
    return "".join(f"{digest}  {name}\n" for digest, name in hashes)


if __name__ == "__main__":
    page = FOLDER / "verify.html"
    page.write_text(sealed(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    (FOLDER / "SHA256SUMS").write_text(sums(), encoding="utf-8", newline="\n")
    print(sums(), end="")
