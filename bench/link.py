"""A link with a delay: a proxy on loopback that holds every byte back for half a round trip.

It counts what goes through: connections, bytes each way, and round trips, which are the times that
the client says something for which it may have waited: a round trip after it last did, and after it
was told something. Without a delay they cannot be told apart from talking at the same time.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from attrs import define, field

PIECE = 256 * 1024


@define
class Traffic:
    """What went through a link: *sent* by clients, *received* by them, in bytes."""

    connections: int = 0
    sent: int = 0
    received: int = 0
    round_trips: int = 0


def told(traffic: Traffic) -> str:
    """*traffic* in words."""
    number = traffic.connections
    connections = "1 connection" if number == 1 else f"{number} connections"
    trips = f", {traffic.round_trips} round trips" if traffic.round_trips else ""
    return f"{connections}{trips}, {traffic.sent / 1000:.0f} kB sent"


@define
class Link:
    """A way to the port *target* of loopback that takes *delay* seconds there and back."""

    target: int
    delay: float
    port: int = 0
    traffic: Traffic = field(factory=Traffic)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.traffic.connections += 1
        told, counted = True, float("-inf")
        clock = asyncio.get_running_loop().time

        def forth(size: int) -> None:
            nonlocal told, counted
            self.traffic.sent += size
            if size and told and clock() - counted >= self.delay > 0:
                self.traffic.round_trips += 1
                told, counted = False, clock()

        def back(size: int) -> None:
            nonlocal told
            self.traffic.received += size
            told = True

        ways = (
            self._way(reader, far_writer, taken=forth),
            self._way(far_reader, writer, given=back),
        )
        try:
            with suppress(
                asyncio.CancelledError
            ):  # which asyncio's own callback takes for a defect
                await asyncio.gather(*ways)
        finally:
            writer.close()
            far_writer.close()

    async def _way(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        taken: Callable[[int], None] = lambda _: None,
        given: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Carry what *reader* gives to *writer*, each piece after the delay of one way."""
        clock = asyncio.get_running_loop().time
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while (piece := await underway.get())[1]:
                await asyncio.sleep(piece[0] - clock())
                writer.write(piece[1])
                given(len(piece[1]))
                await writer.drain()

        arriving = asyncio.create_task(arrive())
        data = b"-"
        while data:
            try:
                data = await reader.read(PIECE)
            except OSError:
                data = b""
            taken(len(data))
            underway.put_nowait((clock() + self.delay / 2, data))
        with suppress(OSError):
            await arriving
            writer.write_eof()


@contextmanager
def linked(target: int, delay: float) -> Iterator[Link]:
    """A link to the port *target*, carried by a thread of its own."""
    link = Link(target, delay)
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    server = loop.run_until_complete(asyncio.start_server(link.carry, "127.0.0.1", 0))
    link.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_until_complete, args=(over.wait(),))
    thread.start()
    try:
        yield link
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        server.close()
        loop.run_until_complete(_ended(asyncio.all_tasks(loop)))
        loop.close()


async def _ended(tasks: set["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # what was closed is gone a moment later
