"""A TCP proxy before PostgreSQL that mistreats one request, or everything for a while.

Started as ``python -m tests.faults.proxy HOST PORT``. It prints its own port, takes an :class:`Order` per line of
standard input, answers each with ``done``, and prints ``struck`` when a request met the blow that waited for it.
It ends when its standard input does.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

Blow = Literal[
    "swallow the request",
    "tear the request",
    "late request",
    "cut at once",
    "cut before the answer",
    "cut in the answer",
    "cut after the answer",
    "black hole",
    "late answer",
]

RECORDING: Final = b'"recorder_seq":'
"""Stands in every request that records, and in no other."""
SYNC: Final = b"S\x00\x00\x00\x04"
"""The end of a request."""
READY: Final = b"Z\x00\x00\x00\x05I"
"""The end of PostgreSQL's answer outside of a transaction."""
_CHUNK: Final = 1 << 16


class Order(msgspec.Struct, frozen=True):
    """``strike``: deal ``blow`` to the next request that records; ``size`` bytes pass of what is cut in the middle, and
    ``seconds`` is how late late things are. ``part``: let nothing through, until ``join`` does, or until ``hang up``
    ends all connections and lets new ones through. With ``reset`` clients see RST in place of FIN.
    """

    what: Literal["strike", "part", "join", "hang up"]
    blow: Blow = "black hole"
    size: int = 1
    seconds: float = 0.0
    reset: bool = False


class Proxy:
    """All connections, and what happens to them."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._waiting: Order | None = None
        self._lines: set[Line] = set()
        self.whole = asyncio.Event()
        self.whole.set()

    async def accept(self, requests: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Serves one client to its end."""
        await self.whole.wait()
        try:
            answers, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            to_client.close()
            return
        line = Line(self, requests, to_client, answers, to_server)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)

    def obey(self, order: Order) -> None:
        """Carries out an order, or keeps it for the next request."""
        if order.what == "strike":
            self._waiting = order
        elif order.what == "part":
            self.whole.clear()
        else:
            for line in self._lines if order.what == "hang up" else ():
                line.hang_up(reset=order.reset)
            self.whole.set()

    def blow_for(self, request: bytes) -> Order | None:
        """The order that waits for a request like this, which is used up by it."""
        order = self._waiting
        if order is None or RECORDING not in request:
            return None
        self._waiting = None
        _say("struck")
        return order


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that met a blow, and the answer to it as far as it has come; an empty piece is the connection's end."""

    order: Order
    request: bytes
    answer: asyncio.Queue[bytes]


class Line:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(
        self,
        proxy: Proxy,
        requests: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._requests, self._to_client = requests, to_client
        self._answers, self._to_server = answers, to_server
        self._struck: Struck | None = None

    async def run(self) -> None:
        """Passes on both ways until one side ends, or the blow that is being dealt is over."""
        requests = asyncio.create_task(self._pass_requests())
        answers = asyncio.create_task(self._pass_answers())
        try:
            await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
            if self._struck is not None:
                await requests
        finally:
            self.hang_up(reset=False)
            for pump in (requests, answers):
                pump.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)

    def hang_up(self, *, reset: bool) -> None:
        """Ends both connections."""
        self._leave_client(reset=reset)
        self._to_server.close()

    def _leave_client(self, *, reset: bool) -> None:
        if reset and not self._to_client.is_closing():
            to_client: socket.socket = self._to_client.get_extra_info("socket")
            to_client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._to_client.close()

    async def _pass_requests(self) -> None:
        while data := await self._requests.read(_CHUNK):
            await self._proxy.whole.wait()
            order = self._proxy.blow_for(data)
            if order is None:
                self._to_server.write(data)
            elif await self._deal(Struck(order, await self._whole(data), asyncio.Queue())):
                self.hang_up(reset=order.reset)
                return

    async def _whole(self, request: bytes) -> bytes:
        """All of a request whose first piece is there; long ones come in several."""
        while not request.endswith(SYNC) and (piece := await self._requests.read(_CHUNK)):
            request += piece
        return request

    async def _pass_answers(self) -> None:
        while data := await self._answers.read(_CHUNK):
            await self._proxy.whole.wait()
            if self._struck is None:
                self._to_client.write(data)
            else:
                self._struck.answer.put_nowait(data)
        if self._struck is not None:
            self._struck.answer.put_nowait(b"")

    async def _deal(self, struck: Struck) -> bool:
        """Deals a blow; whether the connection is over then."""
        self._struck = struck
        blow, size = struck.order.blow, struck.order.size
        if blow == "tear the request":
            self._to_server.write(struck.request[: min(size, len(struck.request) - 1)])
        elif blow == "cut at once":
            self._to_server.write(struck.request)
        elif blow == "cut before the answer":
            await anext(self._asked(struck), b"")
        elif blow == "cut in the answer":
            self._to_client.write((await anext(self._asked(struck), b""))[:size])
        elif blow == "cut after the answer":
            async for piece in self._asked(struck):
                self._to_client.write(piece)
        elif blow != "swallow the request":
            return await self._make_late(struck)
        return True

    async def _make_late(self, struck: Struck) -> bool:
        """The blows that take time."""
        if struck.order.blow == "late answer":
            answer = b"".join([piece async for piece in self._asked(struck)])
            await asyncio.sleep(struck.order.seconds)
            self._to_client.write(answer)
            self._struck = None
            return False
        if struck.order.blow == "late request":
            self._leave_client(reset=struck.order.reset)
            await asyncio.sleep(struck.order.seconds)
            async for _ in self._asked(struck):
                pass
            return True
        self._to_server.write(struck.request)
        # In a black hole the client ends its side some time, of which the server hears nothing for a while.
        while await self._requests.read(_CHUNK):
            pass
        await asyncio.sleep(struck.order.seconds)
        return True

    async def _asked(self, struck: Struck) -> AsyncIterator[bytes]:
        """Sends the request; the pieces of its answer."""
        self._to_server.write(struck.request)
        while piece := await struck.answer.get():
            yield piece
            if piece.endswith(READY):
                return


def _say(word: str) -> None:
    print(word, flush=True)


async def _serve(host: str, port: int) -> None:
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.accept, host, 0)
    _say(str(server.sockets[0].getsockname()[1]))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        proxy.obey(msgspec.json.decode(line, type=Order))
        _say("done")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
