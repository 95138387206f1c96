"""Pace: how often hosts are connected to, so that login nodes are not worn out by theseus.

All processes of a user on this machine share one budget for each host. A host that turns a
connection away is asked again after pauses that grow and are never the same for two clients.
"""

import asyncio
import logging
import math
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from theseus.core.config.config import CONNECTIONS_PER_MINUTE
from theseus.core.text.quantity import count
from theseus.core.values import frozen
from theseus.effects.hosts.file_lock import locked
from theseus.effects.hosts.private import state_directory

MINUTE = 60.0
FIRST_PAUSE, TRIES = 0.5, 5
SILENCE = 1.0  # seconds that nobody minds
_LOG = logging.getLogger(__name__)  # on standard error, where the program says nothing else


@frozen
class Budget:
    """At most *per_minute* new connections to each host within *window* seconds."""

    per_minute: int = CONNECTIONS_PER_MINUTE
    directory: Path | None = None
    window: float = MINUTE

    async def spend(self, alias: str) -> None:
        """Return when one more connection to *alias* may be made, which is counted already.

        Who waits for longer than a second is told once. Where nothing can be written, there is
        nothing to count by, and nobody waits.
        """
        with suppress(OSError):
            if (wait := await self._claimed(alias)) > 0:
                await asyncio.sleep(min(wait, SILENCE))
            if wait > 0 and (wait := await self._claimed(alias)) > 0:
                _LOG.warning("theseus: %s", self._explained(alias, wait))
            while wait > 0:
                await asyncio.sleep(wait)
                wait = await self._claimed(alias)

    def _explained(self, alias: str, wait: float) -> str:
        return (
            f"waiting {math.ceil(wait)} s before connecting to {alias}: your commands have made"
            f" {count(self.per_minute, 'new connection')} to it within {self.window:g} s, and no"
            " more are allowed by `connections_per_minute` of the host in the dispatch config"
        )

    async def _claimed(self, alias: str) -> float:
        """Seconds until there is room; none when a place was claimed."""
        directory = self.directory or state_directory("connections")
        name = sha256(alias.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        async with locked(directory / name) as file:
            now = time.time()
            made = [at for at in _times(file) if now - self.window < at <= now]
            if len(made) >= self.per_minute:
                return made[-self.per_minute] + self.window - now
            # as it is: rounded up it would lie ahead of who comes next, and not be counted
            text = "".join(f"{at!r}\n" for at in (*made, now))
            os.ftruncate(file, 0)
            os.pwrite(file, text.encode(), 0)
            return 0.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try of what was turned away."""
    for number in range(TRIES - 1):
        # half of it by chance: clients that were turned away together do not come back together
        yield FIRST_PAUSE * 2**number * random.uniform(0.5, 1.5)  # noqa: S311  a pause is no secret: chance spreads the attempts


async def wait_for(waits: Iterator[float]) -> bool:
    """Wait for the next of *waits*; whether there was one left."""
    pause = next(waits, None)
    if pause is not None:
        await asyncio.sleep(pause)
    return pause is not None


def _times(file: int) -> list[float]:
    times = []
    for line in os.pread(file, 1 << 16, 0).split():
        with suppress(ValueError):
            times.append(float(line))
    return times
