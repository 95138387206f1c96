"""Reach: how the hosts of a config or a plan are reached, and shells on all of them.

asyncssh is imported only when a host is reached through it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module

from theseus.core.config import DispatchConfig
from theseus.core.outcome import HostUnreachable
from theseus.core.plan import Target
from theseus.effects.lasting import LastingShells
from theseus.effects.local import local_shell
from theseus.effects.shells import OpenShell, Shell, ShellUnavailable

Aliases = Mapping[str, str | None]
"""The ssh alias of each host by name; None for this very machine."""


def aliases_of(config: DispatchConfig) -> Aliases:
    """How every host of *config* is reached."""
    return {
        name: None if host.transport == "local" else host.ssh for name, host in config.hosts.items()
    }


def alias_of(target: Target) -> Aliases:
    """How the host of a plan is reached."""
    return {target.host: None if target.transport == "local" else target.ssh}


@asynccontextmanager
async def shells(aliases: Aliases) -> AsyncIterator[OpenShell]:
    """Opens shells on the hosts of *aliases*; connections last as long as the context."""
    remote = {host: alias for host, alias in aliases.items() if alias is not None}

    def open_here(host: str) -> AbstractAsyncContextManager[Shell]:
        if host not in aliases:
            # never a shell of this machine for want of a better one
            problem = "it is not among the hosts of this config or plan"
            raise ShellUnavailable(HostUnreachable(host, problem, "make the plan again"))
        return local_shell(host)

    if not remote:
        yield open_here
        return
    # 0.1 s to import, half of it waiting for other programs: meanwhile others may go on
    ssh = await asyncio.to_thread(import_module, "theseus.effects.asyncssh")
    async with ssh.AsyncsshConnections(aliases=remote) as connections:

        def open_shell(host: str) -> AbstractAsyncContextManager[Shell]:
            return connections.open_shell(host) if host in remote else open_here(host)

        yield open_shell


@asynccontextmanager
async def lasting_shells(aliases: Aliases) -> AsyncIterator[OpenShell]:
    """Shells on the hosts of *aliases* that stay open from one dialogue to the next."""
    async with shells(aliases) as open_shell, LastingShells(open_shell) as lasting:
        yield lasting.open_shell
