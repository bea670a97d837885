"""One `unbroken original open` in a process of its own, which tells its memory at its end: see opening.py.

Usage: opener.py FILE ARGUMENT...
"""

import atexit
import sys
from pathlib import Path

from unbroken.cli import main


def _tell_peak(file: Path) -> None:
    """Bytes at most: the kernel's high-water mark, which unlike getrusage's knows nothing of the parent before exec."""
    status = Path("/proc/self/status")
    lines = (line.split() for line in status.read_text().splitlines()) if status.exists() else ()
    file.write_text(str(next((int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:"), 0)))


if __name__ == "__main__":
    atexit.register(_tell_peak, Path(sys.argv.pop(1)))
    main()
