"""A log as static files: what is written, in which steps it may be interrupted, and what is never published."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

from tests.property.kept_tiles import KeptTiles, grown
from tests.property.rfc6962 import Tree
from unbroken.core import checkpoint as signing
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey
from unbroken.core.tree.bundles import Bundle, unbundled
from unbroken.core.tree.hashing import leaf_hash
from unbroken.core.tree.proving import root_of
from unbroken.core.tree.tile import Tile, tiles_of
from unbroken.errors import ConfigurationError, ContradictionError, ProofError, UnavailableError
from unbroken.tiles.folder import TileFolder
from unbroken.tiles.serving import TileServer
from unbroken.tiles.writing import drop_partial, write_bundles, write_tiles

KEY = SigningKey.generate("a.example/log")
ORIGIN = "a.example/log~1"
MOST = 70_000
MANY = 66_000


def line(number: int) -> bytes:
    return b'{"seq":%d}' % (number + 1)


@cache
def definition() -> Tree:
    return Tree([leaf_hash(line(number)) for number in range(MOST)])


@cache
def kept() -> KeptTiles:
    return grown(definition().leaves)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, definition().root(size))


def lines(after: int, upto: int) -> Iterator[bytes]:
    return (line(number) for number in range(after, upto))


def quiet(*_: int) -> None:
    pass


def write(folder: TileFolder, size: int, *, entries: bool = True) -> None:
    """One run, as the command makes it."""
    with folder.locked():
        write_tiles(folder, head(size), kept(), told=quiet)
        if entries:
            write_bundles(folder, head(size), lines, told=quiet)
        old = folder.checkpoint()
        folder.publish(signing.signed(head(size), KEY))
        if old is not None:
            drop_partial(folder, old=int(old.split("\n")[1]), new=size)


def files(folder: Path) -> dict[str, bytes]:
    """What others see."""
    return {
        found.relative_to(folder).as_posix(): found.read_bytes()
        for found in folder.rglob("*")
        if found.is_file() and ".unbroken" not in found.parts
    }


def expected(size: int) -> dict[str, bytes]:
    """All files of a log of this size, from the definition."""
    found = {"checkpoint": signing.signed(head(size), KEY).encode()}
    for tile in tiles_of(size):
        span = 256**tile.level
        roots = [definition().mth(at * span, (at + 1) * span) for at in range(tile.start, tile.end)]
        found[tile.path] = b"".join(roots)
        if tile.level == 0:
            each = [line(number) for number in range(tile.start, tile.end)]
            found[Bundle(tile).path] = b"".join(len(one).to_bytes(2, "big") + one for one in each)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> TileFolder:
    return TileFolder(tmp_path / "a" / "log")


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 1000])
def test_a_log_is_written_whole(folder: TileFolder, size: int) -> None:
    write(folder, size)
    assert files(folder.path) == expected(size)
    assert root_of(size, folder) == definition().root(size)


def test_a_large_log_is_written_whole_and_goes_on(folder: TileFolder) -> None:
    for size in (65_535, MANY, MOST):
        write(folder, size)
    found = files(folder.path)
    assert {path: found.pop(path) for path in expected(MOST)} == expected(MOST)
    assert set(found) == {"tile/1/001.p/1"}


def test_it_goes_on_from_where_it_was(folder: TileFolder) -> None:
    """However it grew, the same files; and what was full already is not written again."""
    write(folder, 600)
    full = {path: (folder.path / path).stat().st_mtime_ns for path in expected(512) if path.startswith("tile/0")}
    for size in (600, 601, 768, 1000):
        write(folder, size)
        assert set(expected(size).items()) <= set(files(folder.path).items())
    assert {path: (folder.path / path).stat().st_mtime_ns for path in full} == full


def test_partial_files_go_when_the_full_one_is_there(folder: TileFolder) -> None:
    for size in (600, 601, 1000):
        write(folder, size)
    left = set(files(folder.path)) - set(expected(1000))
    assert left == {"tile/1/000.p/2"}, "of a tile that is not full the narrower ones stay"


def test_a_reader_of_an_older_checkpoint_is_served_from_the_full_tile(folder: TileFolder) -> None:
    for size in (600, 1000):
        write(folder, size)
    assert root_of(600, folder) == definition().root(600)


def test_hashes_alone_show_no_entry(folder: TileFolder) -> None:
    write(folder, 300, entries=False)
    assert not any(path.startswith("tile/entries") for path in files(folder.path))
    write(folder, 400)
    assert set(expected(400).items()) <= set(files(folder.path).items())


# ---- interruptions ----


class StopError(Exception):
    pass


class _Stopping:
    """Tiles that end after some reads, as a lost connection does."""

    def __init__(self, reads: int) -> None:
        self.reads = reads

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        self.reads -= 1
        if self.reads < 0:
            raise StopError
        return kept().read_tiles(tiles)


def test_an_interrupted_run_goes_on_and_publishes_nothing_before(folder: TileFolder) -> None:
    with folder.locked(), pytest.raises(StopError):
        write_tiles(folder, head(MANY), _Stopping(1), told=quiet)
    assert folder.checkpoint() is None
    assert folder.progress(ORIGIN).size == 65_536
    with folder.locked():
        reader = _Stopping(1)
        assert write_tiles(folder, head(MANY), reader, told=quiet) == MANY - 65_536
        assert reader.reads == 0


def test_interrupted_entries_go_on_with_the_last_lot(folder: TileFolder) -> None:
    asked: list[int] = []

    def stopping(after: int, upto: int) -> Iterator[bytes]:
        asked.append(after)
        yield from lines(after, min(upto, 65_900))
        raise StopError

    with folder.locked():
        write_tiles(folder, head(MANY), kept(), told=quiet)
        with pytest.raises(StopError):
            write_bundles(folder, head(MANY), stopping, told=quiet)
        with pytest.raises(StopError):
            write_bundles(folder, head(MANY), stopping, told=quiet)
    assert asked == [0, 65_536]
    write(folder, MANY)
    assert set(expected(MANY).items()) <= set(files(folder.path).items())


@pytest.mark.parametrize("calls", range(10))
def test_killed_at_any_file_the_next_run_makes_it_whole(
    folder: TileFolder, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 300)
    left = calls

    def replace(one: Path, other: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise StopError
        return one.rename(other)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with suppress(StopError):
            write(folder, 1000)
    assert left < 0
    before = files(folder.path)
    size = int(before["checkpoint"].split(b"\n")[1])
    assert root_of(size, folder) == definition().root(size)
    write(folder, 1000)
    assert set(expected(1000).items()) <= set(files(folder.path).items())


def test_two_do_not_write_at_once(folder: TileFolder) -> None:
    with folder.locked(), pytest.raises(UnavailableError, match="another process"), folder.locked():
        pass


# ---- what is not published ----


def _others(leaves: list[bytes]) -> KeptTiles:
    return grown(leaves)


def refused(folder: TileFolder, checkpoint: Checkpoint, source: KeptTiles) -> None:
    before = files(folder.path)
    with folder.locked(), pytest.raises((ContradictionError, ProofError)):
        write_tiles(folder, checkpoint, source, told=quiet)
    after = files(folder.path)
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("changed", [0, 299, 300, 700, 999])
def test_a_changed_leaf_is_not_published(folder: TileFolder, changed: int) -> None:
    """What it begins with is what stands there; where the change is before that, it is not even read."""
    write(folder, 300)
    leaves = definition().leaves[:1000]
    other = [*leaves[:changed], bytes(32), *leaves[changed + 1 :]]
    refused(folder, head(1000) if changed >= 300 else Checkpoint(ORIGIN, 1000, Tree(other).root(1000)), _others(other))
    write(folder, 1000)
    assert set(expected(1000).items()) <= set(files(folder.path).items())


def test_a_rewritten_log_is_not_published_even_where_it_is_signed(folder: TileFolder) -> None:
    write(folder, 300)
    other = [leaf_hash(b"other %d" % number) for number in range(1000)]
    refused(folder, Checkpoint(ORIGIN, 1000, Tree(other).root(1000)), _others(other))
    (folder.path / ".unbroken" / "progress").unlink()
    refused(folder, Checkpoint(ORIGIN, 1000, Tree(other).root(1000)), _others(other))


def test_a_rewritten_log_is_not_published_over_a_damaged_folder(folder: TileFolder) -> None:
    """All is written anew then, and what was published is still what the log has to begin with."""
    write(folder, 300)
    (folder.path / Tile(0, 1, 44).path).write_bytes(bytes(44 * 32))
    other = [leaf_hash(b"other %d" % number) for number in range(1000)]
    with folder.locked(), pytest.raises(ContradictionError):
        write_tiles(folder, Checkpoint(ORIGIN, 1000, Tree(other).root(1000)), _others(other), told=quiet)
    assert folder.checkpoint() == signing.signed(head(300), KEY)


def test_a_shorter_log_is_not_published(folder: TileFolder) -> None:
    write(folder, 300)
    with folder.locked(), pytest.raises(ContradictionError, match="more than the 299"):
        write_tiles(folder, head(299), kept(), told=quiet)
    assert set(expected(300).items()) <= set(files(folder.path).items())


def test_a_log_that_lacks_entries_is_not_published(folder: TileFolder) -> None:
    refused(folder, head(300), grown(definition().leaves[:299]))


def test_another_log_is_not_written_over_one(folder: TileFolder) -> None:
    write(folder, 300)
    for remembered in (True, False):
        if not remembered:
            (folder.path / ".unbroken" / "progress").unlink()
        with folder.locked(), pytest.raises(ConfigurationError, match="holds the log"):
            write_tiles(folder, Checkpoint("a.example/log~2", 300, bytes(32)), kept(), told=quiet)


def test_another_log_is_not_written_over_one_that_is_being_written(folder: TileFolder) -> None:
    with folder.locked(), pytest.raises(StopError):
        write_tiles(folder, head(MANY), _Stopping(1), told=quiet)
    with folder.locked(), pytest.raises(ConfigurationError, match="holds the log"):
        write_tiles(folder, Checkpoint("a.example/log~2", 300, bytes(32)), kept(), told=quiet)


def test_damaged_tiles_are_written_anew(folder: TileFolder) -> None:
    write(folder, 300)
    (folder.path / Tile(0, 1, 44).path).write_bytes(bytes(44 * 32))
    write(folder, 400)
    assert set(expected(400).items()) <= set(files(folder.path).items())


@pytest.mark.parametrize("content", [b"", b"{}", b'{"v":2}', b"\xff"])
def test_what_it_remembers_may_be_damaged(folder: TileFolder, content: bytes) -> None:
    write(folder, 300)
    (folder.path / ".unbroken" / "progress").write_bytes(content)
    with pytest.raises(ConfigurationError, match="remove it"):
        write(folder, 400)
    (folder.path / ".unbroken" / "progress").unlink()
    write(folder, 400)
    assert set(expected(400).items()) <= set(files(folder.path).items())


@pytest.mark.parametrize(
    "given",
    [
        lambda after, upto: (b"other" if number == 290 else line(number) for number in range(after, upto)),
        lambda after, upto: lines(after, upto - 1),
        lambda after, upto: lines(after + 1, upto),
        lambda after, upto: sorted(lines(after, upto)),
    ],
    ids=["changed", "fewer", "shifted", "reordered"],
)
def test_other_entries_than_the_trees_are_not_written(
    folder: TileFolder, given: Callable[[int, int], Iterable[bytes]]
) -> None:
    with folder.locked():
        write_tiles(folder, head(300), kept(), told=quiet)
        with pytest.raises(ContradictionError, match="not those that the tree has"):
            write_bundles(folder, head(300), given, told=quiet)
    for path, content in files(folder.path).items():
        if path.startswith("tile/entries"):
            tile = Bundle.parse(path).tile
            unbundled(content, hashes=folder.read_tiles([tile])[0])


# ---- serving ----


@contextmanager
def served(folder: TileFolder) -> Iterator[TileServer]:
    with TileServer(folder.path, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: TileServer, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)  # type: ignore[arg-type]
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def _raw(server: TileServer, request: str) -> bytes:
    """All that comes back, as it comes."""
    with socket.create_connection(server.server_address[:2], timeout=10) as connection:  # type: ignore[arg-type]
        connection.sendall(f"{request}\r\nHost: localhost\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_all_of_it_is_served(folder: TileFolder) -> None:
    write(folder, 600)
    with served(folder) as server:
        for path, content in expected(600).items():
            status, headers, body = ask(server, f"/{path}")
            assert (status, body) == (200, content)
            is_head = path == "checkpoint"
            assert headers["content-type"] == ("text/plain; charset=utf-8" if is_head else "application/octet-stream")
            assert ("immutable" in headers["cache-control"]) is not is_head
        assert _raw(server, "HEAD /checkpoint HTTP/1.0").endswith(b"\r\n\r\n")
        status, headers, body = ask(server, "/tile/entries/000", Accept_Encoding="gzip")
        assert (status, headers["content-encoding"]) == (200, "gzip")
        assert len(body) < len(expected(600)["tile/entries/000"])


@pytest.mark.parametrize(
    "path",
    [
        "/", "/tile", "/tile/0", "/.unbroken/progress", "/../a", "/tile/../checkpoint", "/checkpoint?a",
        "/tile/0/0", "/tile/00/000", "/tile/0/000.p/256", "/tile/0/002", "/tile/entries/x000/000", "/%63heckpoint",
        "/tile/0/" + "x000/" * 300 + "000",
    ],
)  # fmt: skip
def test_nothing_else_is_served(folder: TileFolder, path: str) -> None:
    write(folder, 600)
    with served(folder) as server:
        assert ask(server, path)[0] == 404


def test_a_page_that_calls_this_machine_by_its_own_name_gets_nothing(folder: TileFolder) -> None:
    write(folder, 3)
    with served(folder) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert ask(server, "/checkpoint", Host="evil.example")[0] == 404
        assert ask(server, "/checkpoint", Host=f"localhost:{server.server_address[1]}")[0] == 200


def test_a_port_that_is_taken_is_said(folder: TileFolder) -> None:
    write(folder, 3)
    with served(folder) as server, pytest.raises(ConfigurationError, match="taken"):
        TileServer(folder.path, int(server.server_address[1]))
