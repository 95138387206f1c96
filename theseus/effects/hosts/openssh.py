"""Openssh: shells on hosts through the system's `ssh`, for whatever login a site asks for.

All shells on a host are sessions of one connection, see masters.py. Nothing is asked here: where a
host wants a password or a second factor, `theseus login` has opened the connection before.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from attrs import evolve

from theseus.core.hosts.ssh_refusals import explain_ssh, full, is_full, silent
from theseus.effects.hosts.masters import (
    Master,
    Site,
    likely_master,
    live_master,
    look_up,
    open_master,
)
from theseus.effects.hosts.pace import Budget, pauses, wait_for
from theseus.effects.hosts.process_shell import ProcessShell, started
from theseus.effects.hosts.shells import COMMAND, SESSIONS, Shell
from theseus.effects.hosts.system_ssh import LOST, SystemSsh, session_environment

PATIENCE = 20.0  # seconds in which a new shell says something: login files may be slow


class OpensshConnections:
    """Shells by ssh alias. The connections outlive this object, for the next command.

    *config* replaces the ssh config; *aliases* names the ssh alias of hosts that have another name;
    *budgets* are those of the aliases that have one. A shell that says nothing for as many seconds
    as *patience* is not to be had.
    """

    def __init__(
        self,
        config: str | None = None,
        aliases: Mapping[str, str] | None = None,
        budgets: Mapping[str, Budget] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._ssh = SystemSsh() if config is None else SystemSsh(config)
        self._aliases = aliases or {}
        self._budgets = budgets or {}
        self._patience = patience
        self._sites: dict[str, Site] = {}
        self._masters: dict[str, Master] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(SESSIONS))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._masters.clear()

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        """A `bash -s` on *host*; ShellUnavailable when there is none to be had."""
        alias = self._aliases.get(host, host)
        async with self._slots[alias], AsyncExitStack() as stack:
            yield await self._shell(stack, host, alias)

    async def _shell(self, stack: AsyncExitStack, host: str, alias: str) -> Shell:
        """A session that answers, its end left to *stack*."""
        site = await self._site(host, alias)
        waits, replaced = pauses(), False
        likely = None if alias in self._masters else likely_master(site)
        if likely is not None:
            self._masters[alias] = likely
        while True:
            master = await self._master(site)
            words = self._ssh.session(master.socket, alias, COMMAND)
            session = _Session(
                await stack.enter_async_context(started(words, session_environment()))
            )
            said = await session.greet(self._patience)
            if said is None:
                return session
            if said and master == likely:
                # nobody may be listening there any more: from here on that is asked first
                likely = None
                self._masters.pop(alias, None)
            elif is_full(said):
                if not await wait_for(waits):
                    raise site.refusal(full(alias))
            elif replaced:
                raise site.refusal(explain_ssh(alias, said) if said else silent())
            else:
                # lost, perhaps without having noticed: one new connection is worth the try
                await self._retire(master)
                replaced = True

    async def _site(self, host: str, alias: str) -> Site:
        async with self._locks[alias]:
            if alias not in self._sites:
                self._sites[alias] = await look_up(self._ssh, host, alias)
            return evolve(self._sites[alias], host=host)

    async def _master(self, site: Site) -> Master:
        async with self._locks[site.alias]:
            master = self._masters.get(site.alias)
            if master is None:
                budget = self._budgets.get(site.alias)
                live = await live_master(self._ssh, site)
                master = live or await open_master(self._ssh, site, budget)
                self._masters[site.alias] = master
            return master

    async def _retire(self, master: Master) -> None:
        async with self._locks[master.alias]:
            if self._masters.get(master.alias) is not master:
                return  # somebody else was here, and an equal one may be a new connection
            del self._masters[master.alias]
            if master.own:
                await self._ssh.retire(master.socket, master.alias)
            else:
                # it is the user's to close: from here on there is one of theseus's own
                self._sites[master.alias] = self._sites[master.alias].without_users_master()


class _Session(ProcessShell):
    """A session of ssh: bash's streams, and ssh's own end where the connection is lost."""

    async def greet(self, patience: float) -> str | None:
        """None when anything answers, or ended by itself; else what ssh said, perhaps nothing."""
        try:
            async with asyncio.timeout(patience):
                if await self.output() or await self.exit_status() is not None:
                    return None  # a login shell that ends at once says why on standard error
                return (await self.errors()).decode("utf-8", "replace")
        except TimeoutError:
            self.drop()
            return ""

    async def exit_status(self) -> int | None:
        """How bash ended; None when it was ssh that did."""
        status = await super().exit_status()
        return None if status is None or status < 0 or status == LOST else status
