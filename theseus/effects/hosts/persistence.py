"""Persistence: going on after a lost connection, with pauses that grow, and when to give up."""

import asyncio
import random

PATIENCE = 300.0  # seconds without a connection before the client gives up
SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class Persistence:
    """How long there has been no connection, and how long to wait for the next attempt."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._seen = self._loop.time()
        self._pause = SHORTEST_PAUSE
        self._connected = False

    def connected(self) -> None:
        """Note that there was a connection: from now on it is worth waiting for the next."""
        self._connected = True

    def progressed(self) -> None:
        """Note that something came through it."""
        self._seen, self._pause = self._loop.time(), SHORTEST_PAUSE

    async def may_go_on(self) -> bool:
        """Wait before the next attempt; False when it is time to give up."""
        if not self._connected or self._loop.time() - self._seen + self._pause > self._patience:
            return False
        # at random, so that clients that lost a host together do not come back together
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311  a pause is no secret: chance spreads the attempts
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True
