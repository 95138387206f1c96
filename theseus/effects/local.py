"""Local: a shell on this very machine, and the performer that goes through it.

It differs from a remote one in how bash is opened, and in nothing else.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from subprocess import PIPE
from typing import TypeVar

from attrs import frozen

from theseus.core.outcome import HostUnreachable, Outcome
from theseus.core.steps import Segment
from theseus.effects.exchange import ShellPerformer
from theseus.effects.shells import Shell, ShellUnavailable
from theseus.effects.supply import Supply

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)

READ = 256 * 1024
GRACE = 5.0  # seconds that bash gets to end after its input has
# the client's own Python environment is no business of the job's, nor is the run it stands in
CLIENT_ONLY = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT"})


@frozen
class LocalPerformer:
    """Performs segments on this machine."""

    supply: Supply

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Hold the dialogue with a bash of this machine."""
        return await ShellPerformer(local_shell, self.supply).perform(segment)


@asynccontextmanager
async def local_shell(host: str) -> AsyncIterator[Shell]:
    """A `bash -s` in a session of its own; *host* is only for errors."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in CLIENT_ONLY and not key.startswith("THESEUS_")
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-s"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        advice = "install bash on this machine"
        raise ShellUnavailable(HostUnreachable(host, f"bash: {error.strerror}", advice)) from None
    try:
        yield _ProcessShell(process)
    finally:
        await _end(process)


class _ProcessShell:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._input = _piped(process.stdin)
        self._output = _piped(process.stdout)
        self._errors = _piped(process.stderr)

    async def write(self, data: bytes) -> None:
        self._input.write(data)
        await self._input.drain()

    async def end_input(self) -> None:
        self._input.close()

    async def output(self) -> bytes:
        return await self._output.read(READ)

    async def errors(self) -> bytes:
        return await self._errors.read(READ)

    async def exit_status(self) -> int | None:
        return await self._process.wait()


def _piped(stream: Stream | None) -> Stream:
    if stream is None:
        raise AssertionError("every stream of this process is a pipe")
    return stream


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let bash end by itself, or end it and what it still runs; a launched job lives elsewhere."""
    _piped(process.stdin).close()
    # who left early has not read all; asyncio takes a process for ended when its streams are
    streams = (_piped(process.stdout), _piped(process.stderr))
    rest = asyncio.gather(process.wait(), *map(_drain, streams))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(rest), GRACE)
    if not rest.done():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await rest


async def _drain(stream: asyncio.StreamReader) -> None:
    while True:
        try:
            if not await stream.read(READ):
                return
        except RuntimeError:  # whoever was reading has been cancelled, and has not heard of it yet
            await asyncio.sleep(0)
