"""The session in docs/certificates.md is what appears, with the certificate that stands in spec/DISPOSAL.md."""

import json
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run_in_shell
from tests.unit.test_disposal_spec import example

DOCUMENT = ROOT / "docs" / "certificates.md"


@pytest.mark.parametrize("block", blocks(DOCUMENT, "console"))
def test_the_session_is_what_appears(block: str) -> None:
    with folder_with_examples() as folder:
        _keep(folder)
        for command in commands(block):
            codes = (1,) if "other.txt --trust" in command.line else (0,)
            require_shown(command, run_in_shell(command, folder, codes=codes))


def _keep(folder: Path) -> None:
    """The ledger and the verifier key that the session names."""
    line = {"n": 1, "note": example("example-note"), "prev": "0" * 64}
    ledger = folder / "ledger.jsonl"
    ledger.write_text(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")
    ledger.chmod(0o600)
    (folder / "disposal.vkey").write_text(example("example-key"), "utf-8")
