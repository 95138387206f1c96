"""Masters: authenticated connections behind control sockets, shared by all commands of a user.

The user's own is used when one is live. Otherwise theseus has one of its own for each host, in a
directory that nobody else can enter. It closes by itself a while after its last session.
"""

import os
import socket as sockets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

from attrs import evolve
from platformdirs import user_state_path

from theseus.core.hosts.ssh_refusals import (
    Words,
    bad_config,
    explain_ssh,
    is_turned_away,
    silent,
    unchecked_problem,
    unkept,
    unknown_name,
)
from theseus.core.hosts.ssh_refusals import changed as explain_changed
from theseus.core.hosts.ssh_settings import SshSettings, unchecked_setting
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.values import frozen
from theseus.effects.hosts.file_lock import locked
from theseus.effects.hosts.pace import Budget, pauses, wait_for
from theseus.effects.hosts.private import private_directory, state_directory
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.hosts.system_ssh import Said, SystemSsh, knows_host

# unix(7): 108 bytes, 104 on macOS, of which ssh takes 17 while it makes one, and one is the end
LONGEST_SOCKET = 104 - 17 - 1
NAME = 16  # characters of a socket's name
PERSIST = "5m"  # after the last session of a connection that a command opened
LOGIN_PERSIST = "12h"  # … that `theseus login` opened
CONNECT_TIMEOUT = 15
KEEPALIVE = 15


@frozen
class Master:
    """A live connection to *alias* behind *socket*; theseus's *own*, or the user's."""

    alias: str
    socket: str
    own: bool


@frozen
class Site:
    """A host of the config, its ssh *alias*, and what ssh's config says of it."""

    host: str
    alias: str
    settings: SshSettings

    @property
    def users_socket(self) -> str | None:
        """Where the user's own ssh has, or would have, its socket."""
        return self.settings.one("controlpath")

    def without_users_master(self) -> "Site":
        """This site, where the user's own connection is of no use."""
        values = {key: value for key, value in self.settings.values.items() if key != "controlpath"}
        return evolve(self, settings=SshSettings(values))

    def own_socket(self) -> str:
        """Where theseus has its socket."""
        places = [self.settings.one(key) or "" for key in ("hostname", "port", "user", "proxyjump")]
        named = "\0".join((sockets.gethostname(), self.alias, *places))
        return str(
            _directory() / sha256(named.encode("utf-8", "surrogateescape")).hexdigest()[:NAME]
        )

    def refusal(self, words: Words) -> ShellUnavailable:
        """That no shell is to be had here, in *words*."""
        return ShellUnavailable(HostUnreachable(self.host, *words))


async def look_up(ssh: SystemSsh, host: str, alias: str) -> Site:
    """What ssh's config says of *alias*; ShellUnavailable when it cannot or must not be used."""
    site = Site(host, alias, SshSettings())
    settings = await _settings(ssh, site, alias)
    if (setting := unchecked_setting(settings)) is not None:
        raise site.refusal(bad_config(alias, unchecked_problem(alias, setting)))
    for jump in settings.jumps():
        # ssh takes this check from the config for hosts in between, whatever it is told here
        behind = await _settings(ssh, site, jump)
        if (setting := unchecked_setting(behind, jump=True)) is not None:
            raise site.refusal(bad_config(jump, unchecked_problem(jump, setting)))
    return Site(host, alias, settings)


async def _settings(ssh: SystemSsh, site: Site, alias: str) -> SshSettings:
    try:
        settings = await ssh.settings(alias)
    except FileNotFoundError:
        advice = "install OpenSSH's client, or set `transport: asyncssh` for it"
        raise site.refusal(("there is no `ssh` on this machine", advice)) from None
    if isinstance(settings, Said):
        raise site.refusal(bad_config(alias, settings.errors.strip() or "ssh -G failed"))
    return settings


def likely_master(site: Site) -> Master | None:
    """The connection whose socket is there, the user's own first; who tries it finds out more."""
    own = Master(site.alias, site.own_socket(), own=True)
    users = site.users_socket
    masters = (own,) if users is None else (Master(site.alias, users, own=False), own)
    return next((master for master in masters if os.access(master.socket, os.F_OK)), None)


async def live_master(ssh: SystemSsh, site: Site) -> Master | None:
    """The connection there is already, the user's own first."""
    users = site.users_socket
    if users is not None and await ssh.is_live(users, site.alias):
        return Master(site.alias, users, own=False)
    own = site.own_socket()
    return Master(site.alias, own, own=True) if await ssh.is_live(own, site.alias) else None


async def open_master(ssh: SystemSsh, site: Site, budget: Budget | None) -> Master:
    """Theseus's own connection, opened unless it is live; ShellUnavailable when it cannot be."""
    master = Master(site.alias, site.own_socket(), own=True)
    async with opening(site, master):
        if await ssh.is_live(master.socket, site.alias):
            return master
        ssh.forget(master.socket)
        options = connect_options(site.settings, PERSIST)
        waits = pauses()
        while True:
            if budget is not None:
                await budget.spend(site.alias)
            said = await ssh.open(master.socket, site.alias, options)
            if said.status == 0:
                return master
            if not is_turned_away(said.errors) or not await wait_for(waits):
                raise site.refusal(await _explained(site, said))


@asynccontextmanager
async def opening(site: Site, master: Master) -> AsyncIterator[None]:
    """The one process that opens *master* of *site* at this moment, its directory made."""
    socket = Path(master.socket)
    async with AsyncExitStack() as stack:
        try:
            private_directory(socket.parent)
            lock = state_directory("ssh") / f"{socket.name}.lock"
            await stack.enter_async_context(locked(lock))
        except OSError as error:
            place, reason = error.filename or socket.parent, error.strerror or str(error)
            raise site.refusal(unkept(str(place), reason)) from None
        yield


def connect_options(settings: SshSettings, persist: str) -> tuple[str, ...]:
    """What the user's config leaves open about a connection, and how long it lasts."""
    options = ["-o", f"ControlPersist={persist}"]
    if not settings.on("connecttimeout"):
        options += ["-o", f"ConnectTimeout={CONNECT_TIMEOUT}"]
    if not settings.on("serveraliveinterval"):
        options += ["-o", f"ServerAliveInterval={KEEPALIVE}"]
    return tuple(options)


async def _explained(site: Site, said: Said) -> Words:
    if said.status is None:
        return silent()
    name = unknown_name(said.errors)
    if name is not None and await knows_host(name, _known_hosts(site.settings)):
        # it has a key of another kind than the one that is known
        host, _, port = name.removeprefix("[").rpartition("]:")
        return explain_changed(site.alias, host or name, int(port) if host else 22)
    return explain_ssh(site.alias, said.errors)


def _known_hosts(settings: SshSettings) -> tuple[str, ...]:
    keys = ("userknownhostsfile", "globalknownhostsfile")
    return tuple(file for key in keys for value in settings.all(key) for file in value.split())


def _directory() -> Path:
    """Where sockets lie: with what theseus remembers, or where their names are short enough."""
    state = user_state_path("theseus") / "ssh"
    temporary = Path(tempfile.gettempdir()) / f"theseus-{os.geteuid()}"
    for directory in (state, temporary):
        if len(os.fsencode(directory)) + 1 + NAME <= LONGEST_SOCKET:
            return directory
    return Path("/tmp") / temporary.name  # noqa: S108  shut, and refused when it is another's
