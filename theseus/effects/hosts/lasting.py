"""Lasting shells: shells on hosts for several dialogues, one after the other in each.

Opening a shell takes two round trips, and a third to close it. A shell in which a dialogue was not
answered to its end is not used again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import Self

from theseus.effects.hosts.shells import OpenShell, Shell


class LastingShells:
    """Shells that *open_shell* opened, kept open until the context is left."""

    def __init__(self, open_shell: OpenShell) -> None:
        self._open_shell = open_shell
        self._resting: defaultdict[str, list[_LastingShell]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        resting = tuple(chain.from_iterable(self._resting.values()))
        for shell in resting:
            shell.drop()
        await asyncio.gather(*(shell.close() for shell in resting))

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        """A shell on *host* for one dialogue, opened where none is at rest."""
        resting = self._resting[host]
        shell = resting.pop() if resting else await self._opened(host)
        try:
            yield shell
        except BaseException:
            await shell.close()
            raise
        if shell.spent:
            await shell.close()
        else:
            resting.append(shell)

    async def _opened(self, host: str) -> "_LastingShell":
        held = AsyncExitStack()
        return _LastingShell(await held.enter_async_context(self._open_shell(host)), held)


class _LastingShell:
    """A shell whose input does not end with a dialogue."""

    def __init__(self, shell: Shell, held: AsyncExitStack) -> None:
        self.heard = shell.heard
        self._shell = shell
        self._held = held
        self.spent = False

    async def write(self, data: bytes) -> None:
        await self._shell.write(data)

    async def end_input(self) -> None:
        """Nothing: another dialogue may follow."""

    async def output(self) -> bytes:
        return await self._shell.output()

    async def errors(self) -> bytes:
        return await self._shell.errors()

    def drop(self) -> None:
        self._shell.drop()

    async def exit_status(self) -> int | None:
        """How bash ends now: whoever asks has not been answered."""
        self.spent = True
        await self._shell.end_input()
        return await self._shell.exit_status()

    async def close(self) -> None:
        """Close it for good."""
        await self._held.aclose()
