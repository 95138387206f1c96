"""Pull: brings files of a run here, through the shell on its host, however often that is cut.

What has come of a file lies beside the others until it is whole; then it takes its place at once,
with the size and time of change it has on the host. By these two a file that is here already is
known, and what is partly here goes on where it stopped.
"""

import asyncio
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import evolve, field, mutable

from theseus.core.plan.outcome import HostUnreachable
from theseus.core.runs.pull import (
    PARTS,
    Listing,
    RemoteFile,
    read_listing,
    read_stamp,
    request_line,
    selected,
)
from theseus.core.text.shell import path_word
from theseus.core.values import frozen
from theseus.effects.hosts.byte_stream import ByteStream, StreamEnded
from theseus.effects.hosts.persistence import PATIENCE, Persistence
from theseus.effects.hosts.shells import OpenShell, Shell, ShellUnavailable
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.reach import Aliases, shells
from theseus.effects.runs.pull_parts import Part, Writing, alone

ATTEMPTS = 3  # at a file that changes while it comes
Progress = Callable[[str, int, int], None]
"""Called with the name of what comes, the bytes that are here, and the bytes there will be."""


@frozen
class Wish:
    """The files below *root* on *host* that *pattern* means, into *destination*."""

    host: str
    root: str
    destination: Path
    pattern: str | None = None


@mutable
class Pulled:
    """What a pull came to; names of files that *changed* all the time, and *problems* here."""

    listing: Listing | None = None
    selected: int = 0
    came: dict[str, int] = field(factory=dict)
    present: set[str] = field(factory=set)
    changed: set[str] = field(factory=set)
    gone: set[str] = field(factory=set)
    problems: dict[str, str] = field(factory=dict)


async def pull_from(aliases: Aliases, wish: Wish, progress: Progress) -> Pulled | HostUnreachable:
    """Bring what *wish* says from its host, reached as *aliases* says."""
    async with shells(aliases) as open_shell:
        return await pull(open_shell, wish, progress)


async def pull(
    open_shell: OpenShell, wish: Wish, progress: Progress, patience: float = PATIENCE
) -> Pulled | HostUnreachable:
    """Bring what *wish* says; an error only when its host stays away."""
    persistence = Persistence(patience)
    pulled = Pulled()
    while True:
        error = HostUnreachable(wish.host, "the connection was lost", "pull again: it goes on")
        try:
            async with open_shell(wish.host) as shell:
                persistence.connected()
                await _Session(shell, wish, pulled, persistence).hold(progress)
                return pulled
        except ShellUnavailable as unavailable:
            error = unavailable.error
        except (StreamEnded, ConnectionError):
            pass
        if not await persistence.may_go_on():
            return error


def _tidy(destination: Path) -> None:
    """Remove what was left of files that have changed since, once nothing more is to come."""
    parts = destination / PARTS
    shutil.rmtree(parts, ignore_errors=True)  # those that stay are used by the next pull


class _Session:
    """One connection's worth of pulling."""

    def __init__(self, shell: Shell, wish: Wish, pulled: Pulled, persistence: Persistence) -> None:
        self._token = secrets.token_hex(16)
        self._shell = shell
        self._stream = ByteStream(shell)
        self._wish = wish
        self._pulled = pulled
        self._persistence = persistence

    async def hold(self, progress: Progress) -> None:
        errors = asyncio.create_task(_drain(self._shell))
        try:
            wanted = await self._list()
            if wanted or (self._wish.destination / PARTS).exists():
                async with alone(self._wish.destination):
                    await self._bring(wanted, progress)
            await self._shell.end_input()
        finally:
            errors.cancel()

    async def _bring(self, wanted: Sequence[RemoteFile], progress: Progress) -> None:
        self._persistence.progressed()
        # another pull may have brought some meanwhile
        wanted = tuple(file for file in wanted if self._lacks(file))
        self._report = _Report(progress, wanted)
        for attempt in range(1, ATTEMPTS + 1):
            wanted = await self._fetch(wanted, last=attempt == ATTEMPTS)
            if not wanted:
                break
        if not self._pulled.problems:
            _tidy(self._wish.destination)

    async def _list(self) -> tuple[RemoteFile, ...]:
        line = f"token={self._token} root={path_word(self._wish.root)}\n"
        opening = line.encode("utf-8", "surrogateescape") + packaged_content("pull.sh")
        await self._shell.write(opening)
        await self._stream.until(re.compile(rb"\n%s listing\n" % self._token.encode()))
        listing = read_listing(await self._stream.records(b"end "))
        chosen = selected(listing.files, self._wish.pattern)
        self._pulled.listing, self._pulled.selected = listing, len(chosen)
        self._persistence.progressed()
        settled = {*self._pulled.came, *self._pulled.changed, *self._pulled.problems}
        return tuple(file for file in chosen if file.name not in settled and self._lacks(file))

    def _lacks(self, file: RemoteFile) -> bool:
        """Whether *file* is not here as it is there."""
        with suppress(OSError):
            here = (self._wish.destination / file.name).lstat()
            if (here.st_size, here.st_mtime_ns) == (file.size, file.mtime_ns):
                self._pulled.present.add(file.name)
                return False
        return True

    async def _fetch(self, files: Sequence[RemoteFile], *, last: bool) -> tuple[RemoteFile, ...]:
        """Bring *files*; what they are now of those that have changed meanwhile."""
        parts = [(file, part) for file in files if (part := self._part(file)) is not None]
        asking = asyncio.create_task(self._ask(parts))
        try:
            met = [await self._receive(file, part, last=last) for file, part in parts]
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await asking
        return tuple(file for file in met if file is not None)

    async def _ask(self, parts: Sequence[tuple[RemoteFile, Part]]) -> None:
        for file, part in parts:
            await self._shell.write(request_line(file, part.offset))

    def _part(self, file: RemoteFile) -> Part | None:
        try:
            return Part.of(self._wish.destination, file)
        except OSError as error:
            self._pulled.problems[file.name] = error.strerror or str(error)
            return None

    async def _receive(self, file: RemoteFile, part: Part, *, last: bool) -> RemoteFile | None:
        """Take the answer for *file*; what it is now when it has changed and is worth another."""
        mark = rb"\n%s (?:changed ([^\n]*)|(bytes))\n" % self._token.encode()
        changed, begun = (await self._stream.until(re.compile(mark))).groups()
        if begun is None:
            return self._changed(file, changed)
        with Writing(part, self._pulled.problems) as writing:

            def write(data: bytes) -> None:
                writing.write(data)
                self._persistence.progressed()
                self._report.add(file.name, len(data))

            await self._stream.copy(file.size - part.offset, write)
            mark = rb"\n%s sent (\d+) ([^\n]*)\n" % self._token.encode()
            status, stamp = (await self._stream.until(re.compile(mark))).groups()
        if file.name in self._pulled.problems:
            return None
        if int(status):
            self._pulled.problems[file.name] = "the host could not read it"
        elif stamp.decode() == f"{file.size} {file.mtime}" or last:
            self._keep(file, part)
            if stamp.decode() != f"{file.size} {file.mtime}":
                self._pulled.changed.add(file.name)
        else:
            return self._changed(file, stamp)
        return None

    def _changed(self, file: RemoteFile, stamp: bytes) -> RemoteFile | None:
        now = read_stamp(stamp.decode())
        if now is None:
            self._pulled.gone.add(file.name)
            return None
        return evolve(file, size=now.size, mtime=now.mtime)

    def _keep(self, file: RemoteFile, part: Part) -> None:
        try:
            part.settle()
        except OSError as error:
            self._pulled.problems[file.name] = error.strerror or str(error)
        else:
            self._pulled.came[file.name] = file.size


class _Report:
    """How much of all that comes is here."""

    def __init__(self, progress: Progress, files: Sequence[RemoteFile]) -> None:
        self._progress = progress
        self._total = sum(file.size for file in files)
        self._here = 0

    def add(self, name: str, size: int) -> None:
        self._here = min(self._here + size, self._total)
        self._progress(name, self._here, self._total)


async def _drain(shell: Shell) -> None:
    while await shell.errors():
        pass
