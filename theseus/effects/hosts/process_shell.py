"""Process shells: a `bash -s` whose streams are the pipes of a child process, bash or ssh."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from theseus.core.values import frozen

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)

READ = 256 * 1024
GRACE = 5.0  # seconds that the process gets to end after its input has


@frozen
class Started:
    """A *process*, and the *transport* that has its pipes."""

    process: Process
    transport: asyncio.SubprocessTransport


class ProcessShell:
    """The shell at the other end of the pipes of *process*."""

    def __init__(self, started: Started) -> None:
        process = started.process
        self.heard: set[str] = set()
        self._started = started
        self._process = process
        self._input = _piped(process.stdin)
        self._output = _piped(process.stdout)
        self._errors = _piped(process.stderr)

    async def write(self, data: bytes) -> None:
        """Send *data*."""
        self._input.write(data)
        await self._input.drain()

    async def end_input(self) -> None:
        """Close the pipe."""
        self._input.close()

    async def output(self) -> bytes:
        """Some bytes of standard output."""
        return await self._output.read(READ)

    async def errors(self) -> bytes:
        """Some bytes of standard error."""
        return await self._errors.read(READ)

    def drop(self) -> None:
        """End the process; what others still hold of its streams is not waited for."""
        self._started.transport.close()

    async def exit_status(self) -> int | None:
        """How the process ended."""
        return await self._process.wait()


@asynccontextmanager
async def started(words: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Started]:
    """A process in a session of its own, with no terminal to ask at; OSError when it cannot start.

    In the end it may end by itself, or is ended with what it still runs; a launched job lives
    elsewhere.
    """
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(READ, loop),
        *words,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
        start_new_session=True,
    )
    process = Process(transport, protocol, loop)
    try:
        yield Started(process, transport)
    finally:
        await _end(process)


def _piped(stream: Stream | None) -> Stream:
    if stream is None:
        raise AssertionError("every stream of this process is a pipe")
    return stream


async def _end(process: Process) -> None:
    _piped(process.stdin).close()
    # who left early has not read all; asyncio takes a process for ended when its streams are
    streams = (_piped(process.stdout), _piped(process.stderr))
    rest = asyncio.gather(process.wait(), *map(_drain, streams))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(rest), GRACE)
    if not rest.done():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):  # what it has started may hold its streams open
            await asyncio.wait_for(rest, GRACE)


async def _drain(stream: asyncio.StreamReader) -> None:
    while True:
        try:
            if not await stream.read(READ):
                return
        except RuntimeError:  # whoever was reading has been cancelled, and has not heard of it yet
            await asyncio.sleep(0)
