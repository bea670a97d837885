"""A real browser, for spec/verify.html: Debian's Chromium, driven by playwright. Without them its tests are skipped."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

CHROMIUM: Final = Path("/usr/bin/chromium")
_ARGUMENTS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Page:
    """The page, opened from its file, and what it asked the network for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self._context = browser.new_context(**options)
        self.tab = self._context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("console", lambda message: self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.goto(path.as_uri())

    def close(self) -> None:
        self._context.close()

    def check(self, files: Path | list[Path], trust: list[str]) -> dict[str, Any]:
        """Choose a bundle as a person does, and give the page's report."""
        self.tab.set_input_files("#files", files)
        self.tab.fill("#trust", "\n".join(trust))
        self.tab.click("#check")
        self.tab.wait_for_selector("#result:not([hidden])")
        report: dict[str, Any] = self.tab.evaluate("JSON.parse(document.getElementById('report').textContent)")
        return report

    def verify(self, files: Mapping[str, bytes], trust: list[str]) -> dict[str, Any]:
        """The report about these files, past the form."""
        encoded = {name: base64.b64encode(raw).decode() for name, raw in files.items()}
        report: dict[str, Any] = self.tab.evaluate(
            """async ([files, trust]) => {
                const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
                const read = new Map(Object.entries(files).map(([name, text]) => [name, bytes(text)]));
                return (await verifyFiles(read, trust)).report;
            }""",
            [encoded, trust],
        )
        return report

    def text(self, selector: str = "body") -> str:
        return str(self.tab.inner_text(selector))


def browser() -> Iterator[Any]:
    """Starts the browser; skips where there is none."""
    if not CHROMIUM.is_file():
        pytest.skip("there is no Chromium at /usr/bin/chromium to open the page in")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser can be driven")
    with api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        yield started
        started.close()
