"""Follow: a run's log, byte by byte, until the run has ended.

What is shown comes from sh/follow.sh on the host. A lost connection is opened again and the log
goes on at the byte where it stopped: nothing is shown twice and nothing is left out.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from attrs import evolve

from theseus.core.plan.outcome import HostUnreachable
from theseus.core.runs.waiting import Waiting, read_waiting
from theseus.core.text.shell import path_word
from theseus.core.values import frozen
from theseus.effects.hosts.persistence import PATIENCE, Persistence
from theseus.effects.hosts.shells import OpenShell, Shell, ShellUnavailable
from theseus.effects.perform.package import packaged_content

LONGEST_MARK = 128
KEPT = 65536  # bytes of standard error: the last of them are the outcome


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


@frozen
class StillThere:
    """The run goes on, or has not begun; it was not asked to stay until it ends."""


Sight: TypeAlias = Ended | Gone | OutOfSight | StillThere


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


@frozen
class Wanted:
    """What is to be shown: from *offset* on, or the last *lines*; with *stay* to the run's end."""

    offset: int = 0
    lines: int | None = None
    stay: bool = True


@frozen
class Watcher:
    """Who gets what there is to see: bytes of the log, and why a run has not begun."""

    write: Callable[[bytes], None]
    waits: Callable[[Waiting], None] = lambda _: None


async def follow(
    open_shell: OpenShell,
    run: Followable,
    watcher: Watcher,
    wanted: Wanted = Wanted(),
    patience: float = PATIENCE,
) -> Followed:
    """Hand the log of *run*, as *wanted*, to *watcher*."""
    persistence = Persistence(patience)
    while True:
        view = _View(run, watcher, wanted)
        error = HostUnreachable(run.host, "the connection was lost", "follow the run again")
        try:
            async with open_shell(run.host) as shell:
                persistence.connected()
                await view.watch(shell)
        except ShellUnavailable as unavailable:
            error = unavailable.error
        if view.state is not None:
            return Followed(view.state, view.offset)
        if view.begun:
            persistence.progressed()
            wanted = evolve(wanted, offset=view.offset, lines=None)
        if not await persistence.may_go_on():
            return Followed(OutOfSight(error), wanted.offset)


class _View:
    """One connection's worth of following."""

    def __init__(self, run: Followable, watcher: Watcher, wanted: Wanted) -> None:
        self._token = secrets.token_hex(16)
        self._run = run
        self._watcher = watcher
        self._wanted = wanted
        self.offset = wanted.offset
        self.begun = False
        self.state: Ended | Gone | StillThere | None = None

    async def watch(self, shell: Shell) -> None:
        errors = asyncio.create_task(self._listen(shell))
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
        lines = "" if self._wanted.lines is None else self._wanted.lines
        stay = "yes" if self._wanted.stay else ""
        how = f"offset={self.offset} lines={lines} stay={stay}"
        line = f"token={self._token} {words} {how}\n"
        return line.encode("utf-8", "surrogateescape") + packaged_content("follow.sh")

    async def _show(self, shell: Shell) -> None:
        mark = re.compile(rb"\n%s (\d+)\n" % self._token.encode())
        before = b""
        while data := await shell.output():
            if not self.begun:
                before += data
                if (found := mark.search(before)) is None:
                    before = before[-LONGEST_MARK:]
                    continue
                self.begun, self.offset, data = True, int(found[1]), before[found.end() :]
            if data:
                self._watcher.write(data)
                self.offset += len(data)

    async def _listen(self, shell: Shell) -> bytes:
        """Tell why the run waits, as it comes; the rest of standard error, its tail."""
        mark = re.compile(rb"\n%s waits ([^\n]*)\n" % self._token.encode())
        read = b""
        while data := await shell.errors():
            read += data
            while found := mark.search(read):
                self._watcher.waits(read_waiting(found[1].decode("utf-8", "replace")))
                read = read[found.end() :]
            read = read[-KEPT:]
        return read

    def _ending(self, errors: bytes) -> Ended | Gone | StillThere | None:
        _, _, tail = errors.rpartition(b"\n%s " % self._token.encode())
        line, _, document = tail.partition(b"\n")
        match line.split():
            case [b"gone", end] if int(end) == self.offset:
                return Gone(document.decode("utf-8", "replace").strip())
            case [b"ended", end] if int(end) == self.offset:
                return Ended(json.loads(document))
            case [b"there", end] if int(end) == self.offset:
                return StillThere()
            case _:
                # lost, or the streams were cut at different places: look again from here
                return None
