"""Channels: the pieces of a large parcel through several shells at once, where a host is far.

What one channel carries is limited: sshd grants it two megabytes, and has to be heard again before
it takes more. Here each piece becomes a file beside what is being made; the dialogue that makes it
takes them up by their names, in order.
"""

import asyncio
import hashlib
import secrets
from itertools import count

from theseus.core.plan.outcome import Done
from theseus.core.plan.script import Obtain, Receive, receive_frame
from theseus.core.plan.steps import Text
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.perform.exchange import Dialogue, ask_commands
from theseus.effects.perform.parcel import Parcel
from theseus.effects.perform.sending import Aside, Ready


@frozen
class Width:
    """How many *channels* carry a parcel of *large* bytes to a host *far* away, in seconds."""

    channels: int = 4  # beside the dialogue itself; sshd allows ten sessions on a connection
    large: int = 32 * 1024 * 1024
    far: float = 0.05


@frozen
class Channels:
    """Further shells on *host*, as many as *width* says, for what *open_shell* reaches."""

    open_shell: OpenShell
    host: str
    width: Width

    async def aside(self, parcel: Parcel, obtain: Obtain) -> Aside | None:
        """What carries the pieces of *parcel* for *obtain*; None where one channel does."""
        if parcel.size < self.width.large or not await self._is_far():
            return None
        names = (f"{secrets.token_hex(8)}.{number}" for number in count())

        async def carry(piece: bytes) -> str | None:
            name = next(names)
            return name if await self._put(f"{obtain.path}.part.{name}", piece) else None

        return Aside(carry, self.width.channels)

    async def _is_far(self) -> bool:
        """Whether it takes long to hear of anything: a question in a shell of its own tells."""
        clock = asyncio.get_running_loop().time
        try:
            async with self.open_shell(self.host) as shell:
                begun = clock()
                await ask_commands(shell, [":"])
        except ShellUnavailable:
            return False
        return clock() - begun >= self.width.far

    async def _put(self, path: str, piece: bytes) -> bool:
        """Whether *piece* lies at *path* (a shell word) now; else it goes with the dialogue."""
        digest = await asyncio.to_thread(lambda: hashlib.sha256(piece).hexdigest())
        frame = receive_frame(0, Receive(path, 0o600, Text("")), piece, digest)
        try:
            async with self.open_shell(self.host) as shell:
                dialogue = Dialogue(shell, [Ready(0, frame)])
                await dialogue.hold(None)
                return isinstance((await dialogue.outcomes())[0], Done)
        except ShellUnavailable:
            return False
