"""Follow: a run's log, byte by byte, until the run has ended.

What is shown comes from sh/follow.sh on the host. A lost connection is opened again and the log
goes on at the byte where it stopped: nothing is shown twice and nothing is left out.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from attrs import frozen

from theseus.core.outcome import HostUnreachable
from theseus.core.shell import path_word
from theseus.effects.package import packaged_content
from theseus.effects.shells import OpenShell, Shell, ShellUnavailable

PATIENCE = 300.0  # seconds without a connection before the client gives up
LONGEST_PAUSE = 15.0


@frozen
class Ended:
    """The run has ended; *outcome* is its outcome.json."""

    outcome: Mapping[str, Any]


@frozen
class Gone:
    """The run's process is gone and left no outcome; *said* is SLURM's word for its job."""

    said: str = ""


@frozen
class OutOfSight:
    """The host cannot be reached any more; the run may well go on. *error* says why."""

    error: HostUnreachable


Sight: TypeAlias = Ended | Gone | OutOfSight


@frozen
class Followed:
    """How following ended, and the *offset* in the log up to which bytes were shown."""

    state: Sight
    offset: int


@frozen
class Followable:
    """Where a run can be followed: its run directory and its log on *host*."""

    host: str
    run_dir: str
    log: str


async def follow(
    open_shell: OpenShell,
    run: Followable,
    write: Callable[[bytes], None],
    offset: int = 0,
    patience: float = PATIENCE,
) -> Followed:
    """Hand the log of *run* from *offset* on to *write* until the run has ended."""
    loop = asyncio.get_running_loop()
    seen, pause, connected = loop.time(), 0.5, False
    while True:
        view = _View(run, write, offset)
        error = HostUnreachable(run.host, "the connection was lost", "follow the run again")
        try:
            async with open_shell(run.host) as shell:
                connected = True
                await view.watch(shell)
        except ShellUnavailable as unavailable:
            error = unavailable.error
        if view.state is not None:
            return Followed(view.state, view.offset)
        if view.begun:
            seen, pause, offset = loop.time(), 0.5, view.offset
        if not connected or loop.time() - seen + pause > patience:
            return Followed(OutOfSight(error), offset)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


class _View:
    """One connection's worth of following."""

    def __init__(self, run: Followable, write: Callable[[bytes], None], offset: int) -> None:
        self._token = secrets.token_hex(16)
        self._run = run
        self._write = write
        self.offset = offset
        self.begun = False
        self.state: Ended | Gone | None = None

    async def watch(self, shell: Shell) -> None:
        errors = asyncio.create_task(_read_to_end(shell))
        try:
            # only the shell's ConnectionError means a lost connection: whoever reads what is
            # shown may go away too, and that ends the following
            with suppress(ConnectionError):
                await shell.write(self._opening())
            await self._show(shell)
            self.state = self._ending(await errors)
        finally:
            errors.cancel()

    def _opening(self) -> bytes:
        words = f"run_dir={path_word(self._run.run_dir)} log={path_word(self._run.log)}"
        line = f"token={self._token} {words} offset={self.offset}\n"
        return line.encode("utf-8", "surrogateescape") + packaged_content("follow.sh")

    async def _show(self, shell: Shell) -> None:
        mark = b"\n%s\n" % self._token.encode()
        before = b""
        while data := await shell.output():
            if not self.begun:
                before += data
                _, self_mark, data = before.partition(mark)
                self.begun = bool(self_mark)
                before = before[-len(mark) :]
            if self.begun and data:
                self._write(data)
                self.offset += len(data)

    def _ending(self, errors: bytes) -> Ended | Gone | None:
        _, _, tail = errors.rpartition(b"\n%s " % self._token.encode())
        line, _, document = tail.partition(b"\n")
        match line.split():
            case [b"gone", end] if int(end) == self.offset:
                return Gone(document.decode("utf-8", "replace").strip())
            case [b"ended", end] if int(end) == self.offset:
                return Ended(json.loads(document))
            case _:
                # lost, or the streams were cut at different places: look again from here
                return None


async def _read_to_end(shell: Shell) -> bytes:
    read = b""
    while data := await shell.errors():
        read = (read + data)[-65536:]
    return read
