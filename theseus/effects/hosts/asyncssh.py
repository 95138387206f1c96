"""Asyncssh: shells on hosts by their ssh alias, over one connection each.

The only importer of asyncssh, which takes a tenth of a second to import: import this module only
when a host is to be contacted. Host keys are always checked. Every error of connecting becomes a
HostUnreachable in one function; a connection lost later is the end of the streams.
"""

import asyncio
import shlex
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import asyncssh
from attrs import evolve

from theseus.core.hosts.ssh_refusals import (
    AGENT,
    SSH_PORT,
    Words,
    bad_config,
    changed,
    denied,
    full,
    refused,
    silent,
    turned_away,
    unchecked_problem,
    unresolved,
    untrusted,
)
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.values import frozen
from theseus.effects.hosts.pace import Budget, pauses, wait_for
from theseus.effects.hosts.shells import (
    COMMAND,
    SESSIONS,
    Shell,
    ShellUnavailable,
    TransportRefused,
)

READ = 256 * 1024
CONNECT_TIMEOUT = 15
KEEPALIVE = 15
GRACE = 5.0
# ssh_config(5): the defaults of UserKnownHostsFile and GlobalKnownHostsFile
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
# twice as fast as asyncssh's first choice, and safe
CIPHERS = "^aes128-gcm@openssh.com"
# after the kinds that are known: a host that was set up anew is recognized by whatever key it has
HOST_KEYS = (
    "+ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-256,rsa-sha2-512"
)
# the families of errors that connecting raises; RuntimeError where nobody knows the home directory
CONNECT_ERRORS = (asyncssh.Error, OSError, ValueError, TimeoutError, RuntimeError)
# of the config, of keys and of the protocol: ssh passes over what it cannot read, and offers keys
# in an order of its own. What the network, the host's key and the host say is the same for both.
OWN_ERRORS = (asyncssh.Error, ValueError, FileNotFoundError, PermissionError)
EVERYBODYS = (
    *(asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied),
    *(asyncssh.ConnectionLost, asyncssh.ChannelOpenError),
)
# sshd has as many connections at this moment as it will have (MaxStartups), and closes more
TURNED_AWAY = (asyncssh.ConnectionLost, ConnectionResetError)


_split_once = cache(shlex.split)


def _split(*line: Any, **how: Any) -> list[str]:  # noqa: ANN401  whatever `shlex.split` takes
    """What `shlex.split` makes of a line, found out once for all who ask."""
    return list(_split_once(*line, **how))


# asyncssh reads the whole ssh config for each alias; where it names a hundred, splitting the same
# lines a hundred times is a third of what asking all of them takes, and makes the same words
asyncssh.config.shlex = SimpleNamespace(**vars(shlex) | {"split": _split})  # type: ignore[attr-defined, assignment]  # there is no other way in


class AsyncsshConnections:
    """Connections by ssh alias, opened when first needed, reused, closed together.

    *config* replaces ~/.ssh/config; *aliases* names the ssh alias of hosts that have another name;
    *budgets* are those of the aliases that have one.
    """

    def __init__(
        self,
        config: Sequence[str] | None = None,
        aliases: Mapping[str, str] | None = None,
        budgets: Mapping[str, Budget] | None = None,
    ) -> None:
        self._config = () if config is None else list(config)
        self._aliases = aliases or {}
        self._budgets = budgets or {}
        self._connections: dict[str, asyncssh.SSHClientConnection] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(SESSIONS))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections.values():
            connection.close()
        for connection in self._connections.values():
            with suppress(TimeoutError, asyncssh.Error, OSError):
                await asyncio.wait_for(connection.wait_closed(), GRACE)
        await asyncio.gather(*self._closing)

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        """A `bash -s` on *host*; ShellUnavailable when there is none to be had."""
        alias = self._aliases.get(host, host)
        slot = self._slots[alias]
        await slot.acquire()
        try:
            process = await self._process(host, alias)
        except BaseException:
            slot.release()
            raise
        try:
            yield _ProcessShell(process, process.get_extra_info("connection"))
        finally:
            process.close()
            # a round trip, for which nobody waits but the next one who needs the slot
            closing = asyncio.create_task(_closed(process, slot))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _process(self, host: str, alias: str) -> "asyncssh.SSHClientProcess[bytes]":
        waits, replaced = pauses(), False
        while True:
            connection = await self._connection(host, alias)
            try:
                # a terminal (`RequestTTY yes` in the config) would change bytes on their way
                return await connection.create_process(
                    COMMAND, encoding=None, bufsize=READ, request_pty=False
                )
            except CONNECT_ERRORS as error:
                if not connection.is_closed() and isinstance(error, asyncssh.ChannelOpenError):
                    if not await wait_for(waits):
                        raise ShellUnavailable(HostUnreachable(host, *full(alias))) from None
                elif replaced or not connection.is_closed():
                    raise unavailable(Attempt(host, alias), error) from None
                else:
                    # a reused connection may have died since: one new one is worth the try
                    replaced = True

    async def _connection(self, host: str, alias: str) -> asyncssh.SSHClientConnection:
        async with self._locks[alias]:
            connection = self._connections.get(alias)
            if connection is None or connection.is_closed():
                connection = await self._connect(Attempt(host, alias))
                self._connections[alias] = connection
            return connection

    async def _connect(self, attempt: "Attempt") -> asyncssh.SSHClientConnection:
        try:
            settings = await self._settings(attempt.alias)
            known = _known_hosts(settings)
            name, port = settings.host_key_alias or settings.host or attempt.alias, settings.port
            attempt = evolve(attempt, name=name, port=port, known=_has_keys(known, name, port))
        except CONNECT_ERRORS as error:
            raise unavailable(attempt, error) from None
        waits = pauses()
        while True:
            try:
                return await self._once(attempt, settings, known)
            except TURNED_AWAY as error:
                if not await wait_for(waits):
                    words = turned_away(attempt.alias, str(error))
                    raise ShellUnavailable(HostUnreachable(attempt.host, *words)) from None
            except CONNECT_ERRORS as error:
                raise unavailable(attempt, error) from None

    async def _once(
        self,
        attempt: "Attempt",
        settings: asyncssh.SSHClientConnectionOptions,
        known: asyncssh.SSHKnownHosts,
    ) -> asyncssh.SSHClientConnection:
        if (budget := self._budgets.get(attempt.alias)) is not None:
            await budget.spend(attempt.alias)
        return await asyncssh.connect(
            attempt.alias,
            options=settings,
            config=self._config if _is_read_again(settings) else None,
            known_hosts=known,
            server_host_key_algs=() if settings.config.get("HostKeyAlgorithms") else HOST_KEYS,
            encryption_algs=() if settings.config.get("Ciphers") else CIPHERS,
            connect_timeout=settings.connect_timeout or CONNECT_TIMEOUT,
            keepalive_interval=settings.keepalive_interval or KEEPALIVE,
        )

    async def _settings(self, alias: str) -> asyncssh.SSHClientConnectionOptions:
        """What the ssh config says of *alias*, refused where it switches host keys off."""
        settings: asyncssh.SSHClientConnectionOptions
        settings = await asyncssh.SSHClientConnectionOptions.construct(
            host=alias, config=self._config
        )
        if settings.known_hosts is None:
            raise ValueError(unchecked_problem(alias, "UserKnownHostsFile none"))
        if isinstance(settings.tunnel, str):
            for hop in settings.tunnel.split(","):
                await self._settings(hop.rpartition("@")[2].partition(":")[0])
        return settings


async def _closed(process: "asyncssh.SSHClientProcess[bytes]", slot: asyncio.Semaphore) -> None:
    """Free *slot* when sshd has closed the session, or when it is no longer waited for."""
    with suppress(TimeoutError, asyncssh.Error, OSError):
        await asyncio.wait_for(process.wait_closed(), GRACE)
    slot.release()


class _ProcessShell:
    def __init__(
        self,
        process: "asyncssh.SSHClientProcess[bytes]",
        connection: asyncssh.SSHClientConnection,
    ) -> None:
        self.heard: set[str] = set()
        self._process = process
        self._connection = connection

    async def write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError) as error:
            raise ConnectionResetError(str(error)) from None

    async def end_input(self) -> None:
        try:
            self._process.stdin.write_eof()
        except (asyncssh.Error, OSError) as error:
            raise ConnectionResetError(str(error)) from None

    async def output(self) -> bytes:
        return await _read(self._process.stdout)

    async def errors(self) -> bytes:
        return await _read(self._process.stderr)

    def drop(self) -> None:
        self._process.close()

    async def exit_status(self) -> int | None:
        with suppress(asyncssh.Error, OSError):
            await self._process.wait_closed()
        # sshd may tell the status before the last output: a lost connection leaves both in doubt
        return None if self._connection.is_closed() else self._process.exit_status


async def _read(stream: "asyncssh.SSHReader[bytes]") -> bytes:
    try:
        return await stream.read(READ)
    except (asyncssh.Error, OSError):
        return b""


def _known_hosts(settings: asyncssh.SSHClientConnectionOptions) -> asyncssh.SSHKnownHosts:
    """What the known_hosts files hold, none where there are none that can be read."""
    user = settings.config.get("UserKnownHostsFile", USER_KNOWN_HOSTS)
    everyone = settings.config.get("GlobalKnownHostsFile", GLOBAL_KNOWN_HOSTS)
    contents = []
    for file in (*cast("Sequence[str]", user), *cast("Sequence[str]", everyone)):
        with suppress(OSError, RuntimeError):
            contents.append(Path(file).expanduser().read_bytes())
    return _read_known_hosts(b"\n".join(contents).decode("utf-8", "replace"))


@lru_cache(maxsize=2)
def _read_known_hosts(text: str) -> asyncssh.SSHKnownHosts:
    """*text* read once: for each of many hosts, whose keys it holds, it would be read again."""
    return asyncssh.import_known_hosts(text)


def _is_read_again(settings: asyncssh.SSHClientConnectionOptions) -> bool:
    """Whether asyncssh needs the ssh config once more: for hosts in between, or another name."""
    return bool(
        isinstance(settings.tunnel, str)
        or settings.canonicalize_hostname
        or settings.config.has_match_final()
    )


def _has_keys(known: asyncssh.SSHKnownHosts, name: str, port: int) -> bool:
    matched = asyncssh.match_known_hosts(known, name, "", port if port != SSH_PORT else None)
    return bool(matched[0])


@frozen
class Attempt:
    """A connection to *host* by its ssh *alias*.

    *name* and *port* are what known_hosts has it under, and *known* says whether it does.
    """

    host: str
    alias: str
    name: str = ""
    port: int = SSH_PORT
    known: bool = False


def unreachable(attempt: Attempt, error: Exception) -> HostUnreachable:
    """What *error*, met in *attempt*, means and what to do about it."""
    return HostUnreachable(attempt.host, *_explained(attempt, error))


def unavailable(attempt: Attempt, error: Exception) -> ShellUnavailable:
    """That there is no shell because of *error*, which may be asyncssh's alone."""
    own = isinstance(error, OWN_ERRORS) and not isinstance(error, EVERYBODYS)
    return (TransportRefused if own else ShellUnavailable)(unreachable(attempt, error))


def _explained(attempt: Attempt, error: Exception) -> Words:
    alias, text = attempt.alias, str(error) or type(error).__name__
    match error:
        case asyncssh.HostKeyNotVerifiable() if attempt.known:
            return changed(alias, attempt.name, attempt.port)
        case asyncssh.HostKeyNotVerifiable():
            return untrusted(alias, attempt.name)
        case asyncssh.PermissionDenied():
            return denied(alias, text)
        case asyncssh.KeyEncryptionError() | asyncssh.KeyImportError():
            return f"a private key cannot be used: {text}", AGENT
        case asyncssh.Error():
            return f"no connection: {text}", f"see what `ssh -v {alias}` says"
        case RuntimeError():
            return f"there is no home with an ssh config in it: {text}", "set the variable HOME"
        case ValueError() | FileNotFoundError() | PermissionError():
            return bad_config(alias, text)
        case _:
            return _network(alias, error)


def _network(alias: str, error: Exception) -> Words:
    match error:
        case socket.gaierror():
            return unresolved(alias, error.strerror or "")
        case ConnectionRefusedError():
            return refused(alias)
        case TimeoutError():
            return silent()
        case _:
            return str(error) or type(error).__name__, f"see what `ssh -v {alias}` says"
