"""Reach: how the hosts of a config or a plan are reached, and shells on all of them.

The one place that chooses a transport where the config leaves it open. It is chosen when a host is
first contacted, never for a plan. asyncssh is imported only when a host is reached through it.
"""

import asyncio
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from theseus.core.config.config import CONNECTIONS_PER_MINUTE, DispatchConfig, Host, Transport
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan, Target
from theseus.core.values import frozen
from theseus.effects.hosts.lasting import LastingShells
from theseus.effects.hosts.openssh import OpensshConnections
from theseus.effects.hosts.pace import Budget
from theseus.effects.hosts.shells import OpenShell, Shell, ShellUnavailable, TransportRefused
from theseus.effects.hosts.transport import openssh_needs
from theseus.effects.perform.local import local_shell

if TYPE_CHECKING:
    from theseus.effects.hosts.asyncssh import AsyncsshConnections


@frozen
class Way:
    """How a host is reached: by its ssh *alias* through *transport*; this machine without one."""

    alias: str | None
    transport: Transport = "auto"
    connections_per_minute: int = CONNECTIONS_PER_MINUTE


Aliases = Mapping[str, Way]
"""The way to each host by its name."""


def aliases_of(config: DispatchConfig) -> Aliases:
    """How every host of *config* is reached."""
    return {name: _way(host) for name, host in config.hosts.items()}


def alias_of(target: Target) -> Aliases:
    """How the host of a plan is reached."""
    return {target.host: _way(target)}


def _way(host: Host | Target) -> Way:
    alias = None if host.transport == "local" else host.ssh
    return Way(alias, host.transport, host.connections_per_minute)


def by_host(plans: Sequence[Plan]) -> tuple[tuple[Plan, ...], ...]:
    """*plans* in groups whose host is the same and is reached in the same way."""
    groups: dict[tuple[str, Way], list[Plan]] = {}
    for plan in plans:
        ((host, way),) = alias_of(plan.target).items()
        groups.setdefault((host, way), []).append(plan)
    return tuple(tuple(group) for group in groups.values())


@asynccontextmanager
async def shells(aliases: Aliases) -> AsyncIterator[OpenShell]:
    """Opens shells on the hosts of *aliases*; connections last as long as the context.

    Contexts of one event loop that are open at the same time, for the same aliases, share them: a
    process that submits many runs at once connects to a host once.
    """
    lent = _LENT.setdefault(asyncio.get_running_loop(), {})
    key = frozenset(aliases.items())
    shared = lent.setdefault(key, _Shared(aliases))
    shared.users += 1
    try:
        yield shared.shells.open_shell
    finally:
        shared.users -= 1
        if not shared.users:
            del lent[key]
            await shared.stack.aclose()


class KeptShells:
    """Shells on hosts that come to be known one by one; a connection lasts as long as the context.

    One that was lost is opened again by whoever needs it next.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._opened: dict[tuple[str, Way], OpenShell] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def to(self, aliases: Aliases) -> OpenShell:
        """Opens shells on the hosts of *aliases*, by the connections there are."""
        for host, way in aliases.items():
            if (host, way) not in self._opened:
                opened = await self._stack.enter_async_context(shells({host: way}))
                self._opened[host, way] = opened
        return lambda host: self._opened[host, aliases[host]](host)


class _Shared:
    """Shells, with all that is to be closed when the last of their *users* has gone."""

    def __init__(self, aliases: Aliases) -> None:
        self.stack = AsyncExitStack()
        self.shells = _Shells(aliases, self.stack)
        self.users = 0


_LENT: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[frozenset[tuple[str, Way]], _Shared]] = (
    WeakKeyDictionary()
)


class _Shells:
    def __init__(self, ways: Aliases, stack: AsyncExitStack) -> None:
        self._ways = ways
        self._stack = stack
        self._remote = {host: way.alias for host, way in ways.items() if way.alias is not None}
        self._budgets = {
            way.alias: Budget(way.connections_per_minute)
            for way in ways.values()
            if way.alias is not None
        }
        self._openssh = OpensshConnections(None, self._remote, self._budgets)
        self._asyncssh: AsyncsshConnections | None = None
        self._takes_openssh: dict[str, bool] = {}

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        async with AsyncExitStack() as stack:
            yield await self._shell(stack, host)

    async def _shell(self, stack: AsyncExitStack, host: str) -> Shell:
        """A shell on *host*, its end left to *stack*."""
        way = self._ways.get(host)
        if way is None:
            # never a shell of this machine for want of a better one
            problem = "it is not among the hosts of this config or plan"
            raise ShellUnavailable(HostUnreachable(host, problem, "make the plan again"))
        if way.alias is None:
            return await stack.enter_async_context(local_shell(host))
        if way.alias not in self._takes_openssh:
            self._takes_openssh[way.alias] = way.transport == "openssh" or (
                way.transport == "auto" and bool(await openssh_needs(way.alias))
            )
        if not self._takes_openssh[way.alias]:
            asyncssh = await self._by_asyncssh()
            try:
                return await stack.enter_async_context(asyncssh.open_shell(host))
            except TransportRefused:
                # ssh passes over keys that are not there, and knows words that asyncssh does not
                if way.transport == "asyncssh" or shutil.which("ssh") is None:
                    raise
                self._takes_openssh[way.alias] = True
        return await stack.enter_async_context(self._openssh.open_shell(host))

    async def _by_asyncssh(self) -> "AsyncsshConnections":
        module = await asyncio.to_thread(_import_asyncssh)
        if self._asyncssh is None:
            self._asyncssh = module.AsyncsshConnections(None, self._remote, self._budgets)
            self._stack.push_async_exit(self._asyncssh)
        return self._asyncssh


_IMPORTING = threading.Lock()


def let_transports_go_first() -> None:
    """Wait while a transport is imported, which is what connecting waits for."""
    with _IMPORTING:
        pass


def _import_asyncssh() -> Any:  # noqa: ANN401  a module is returned, whose type is the import's
    """The module theseus.effects.hosts.asyncssh, imported without what asyncssh can do without.

    It would run ldconfig and compilers to find libnettle (UMAC) and liboqs, which takes as long as
    all the rest, and import a third more for X.509 before it finds that it lacks pyOpenSSL. What
    sshd offers by default needs none of them.
    """
    import ctypes.util  # noqa: PLC0415  for asyncssh alone

    def found_nothing(name: str) -> str | None:  # noqa: ARG001  as find_library has it
        return None

    with _IMPORTING:
        find = ctypes.util.find_library
        ctypes.util.find_library = found_nothing
        spared = {name: None for name in _spared() if name not in sys.modules}
        sys.modules.update(spared)  # type: ignore[arg-type]  # importlib: None is an ImportError
        try:
            return import_module("theseus.effects.hosts.asyncssh")
        finally:
            ctypes.util.find_library = find
            for name in spared:
                del sys.modules[name]


def _spared() -> tuple[str, ...]:
    """What asyncssh takes "if available", and is not: it would find that out at the very end."""
    return () if find_spec("OpenSSL") else ("asyncssh.crypto.x509",)


@asynccontextmanager
async def lasting_shells(aliases: Aliases) -> AsyncIterator[OpenShell]:
    """Shells on the hosts of *aliases* that stay open from one dialogue to the next."""
    async with shells(aliases) as open_shell, LastingShells(open_shell) as lasting:
        yield lasting.open_shell
