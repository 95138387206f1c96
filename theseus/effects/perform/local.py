"""Local: a shell on this very machine, and the performer that goes through it.

It differs from a remote one in how bash is opened, and in nothing else.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from theseus.core.plan.outcome import HostUnreachable, Outcome
from theseus.core.plan.steps import Segment
from theseus.core.values import frozen
from theseus.effects.hosts.process_shell import ProcessShell, started
from theseus.effects.hosts.shells import Shell, ShellUnavailable
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.supply import Supply

WORDS = ("bash", "--noprofile", "--norc", "-s")
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
    async with AsyncExitStack() as stack:
        try:
            begun = await stack.enter_async_context(started(WORDS, environment))
        except OSError as error:
            advice = "install bash on this machine"
            reason = f"bash: {error.strerror}"
            raise ShellUnavailable(HostUnreachable(host, reason, advice)) from None
        yield ProcessShell(begun)
