"""Asyncssh: shells on hosts by their ssh alias, over one connection each.

The only importer of asyncssh, which takes a tenth of a second to import: import this module only
when a host is to be contacted. Host keys are always checked. Every error of connecting becomes a
HostUnreachable in one function; a connection lost later is the end of the streams.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self, cast

import asyncssh
from attrs import evolve, frozen

from theseus.core.outcome import HostUnreachable
from theseus.effects.shells import Shell, ShellUnavailable

COMMAND = "exec bash -s"  # the one form that crosses the login shell: the same in sh, csh and fish
READ = 256 * 1024
SESSIONS = 6  # sshd_config(5): MaxSessions is 10, and more than that fail at once
CONNECT_TIMEOUT = 15
KEEPALIVE = 15
GRACE = 5.0
SSH_PORT = 22
# ssh_config(5): the defaults of UserKnownHostsFile and GlobalKnownHostsFile
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
AGENT = "load the key with `ssh-add`: one with a passphrase is used through ssh-agent only"
# twice as fast as asyncssh's first choice, and safe
CIPHERS = "^aes128-gcm@openssh.com"
# after the kinds that are known: a host that was set up anew is recognized by whatever key it has
HOST_KEYS = (
    "+ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-256,rsa-sha2-512"
)
# the families of errors that connecting raises; RuntimeError where nobody knows the home directory
CONNECT_ERRORS = (asyncssh.Error, OSError, ValueError, TimeoutError, RuntimeError)


class AsyncsshConnections:
    """Connections by ssh alias, opened when first needed, reused, closed together.

    *config* replaces ~/.ssh/config; *aliases* names the ssh alias of hosts that have another name.
    """

    def __init__(
        self, config: Sequence[str] | None = None, aliases: Mapping[str, str] | None = None
    ) -> None:
        self._config = () if config is None else list(config)
        self._aliases = aliases or {}
        self._connections: dict[str, asyncssh.SSHClientConnection] = {}
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

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        """A `bash -s` on *host*; ShellUnavailable when there is none to be had."""
        alias = self._aliases.get(host, host)
        async with self._slots[alias]:
            process = await self._process(host, alias)
            try:
                yield _ProcessShell(process, process.get_extra_info("connection"))
            finally:
                process.close()
                with suppress(TimeoutError, asyncssh.Error, OSError):
                    await asyncio.wait_for(process.wait_closed(), GRACE)

    async def _process(self, host: str, alias: str) -> "asyncssh.SSHClientProcess[bytes]":
        connection = await self._connection(host, alias)
        try:
            return await _start(connection)
        except CONNECT_ERRORS as error:
            if not connection.is_closed():
                raise ShellUnavailable(unreachable(Attempt(host, alias), error)) from None
        # a reused connection may have died since: one new one is worth the try
        connection = await self._connection(host, alias)
        try:
            return await _start(connection)
        except CONNECT_ERRORS as error:
            raise ShellUnavailable(unreachable(Attempt(host, alias), error)) from None

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
            return await asyncssh.connect(
                attempt.alias,
                config=self._config,
                known_hosts=known,
                server_host_key_algs=() if settings.config.get("HostKeyAlgorithms") else HOST_KEYS,
                encryption_algs=() if settings.config.get("Ciphers") else CIPHERS,
                connect_timeout=settings.connect_timeout or CONNECT_TIMEOUT,
                keepalive_interval=settings.keepalive_interval or KEEPALIVE,
            )
        except CONNECT_ERRORS as error:
            raise ShellUnavailable(unreachable(attempt, error)) from None

    async def _settings(self, alias: str) -> asyncssh.SSHClientConnectionOptions:
        """What the ssh config says of *alias*, refused where it switches host keys off."""
        settings: asyncssh.SSHClientConnectionOptions
        settings = await asyncssh.SSHClientConnectionOptions.construct(
            host=alias, config=self._config
        )
        if settings.known_hosts is None:
            problem = f"`UserKnownHostsFile none` for {alias}: host keys are always checked here"
            raise ValueError(problem)
        if isinstance(settings.tunnel, str):
            for hop in settings.tunnel.split(","):
                await self._settings(hop.rpartition("@")[2].partition(":")[0])
        return settings


class _ProcessShell:
    def __init__(
        self,
        process: "asyncssh.SSHClientProcess[bytes]",
        connection: asyncssh.SSHClientConnection,
    ) -> None:
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

    async def exit_status(self) -> int | None:
        with suppress(asyncssh.Error, OSError):
            await self._process.wait_closed()
        # sshd may tell the status before the last output: a lost connection leaves both in doubt
        return None if self._connection.is_closed() else self._process.exit_status


async def _start(
    connection: asyncssh.SSHClientConnection,
) -> "asyncssh.SSHClientProcess[bytes]":
    # a terminal (`RequestTTY yes` in the config) would change bytes on their way
    return await connection.create_process(COMMAND, encoding=None, bufsize=READ, request_pty=False)


async def _read(stream: "asyncssh.SSHReader[bytes]") -> bytes:
    try:
        return await stream.read(READ)
    except (asyncssh.Error, OSError):
        return b""


def _known_hosts(settings: asyncssh.SSHClientConnectionOptions) -> bytes:
    """What the known_hosts files hold; a line break where there are none that can be read.

    Empty content would make asyncssh look elsewhere.
    """
    user = settings.config.get("UserKnownHostsFile", USER_KNOWN_HOSTS)
    everyone = settings.config.get("GlobalKnownHostsFile", GLOBAL_KNOWN_HOSTS)
    contents = []
    for file in (*cast("Sequence[str]", user), *cast("Sequence[str]", everyone)):
        with suppress(OSError, RuntimeError):
            contents.append(Path(file).expanduser().read_bytes())
    text = b"\n".join(contents).decode("utf-8", "replace")
    return f"{text}\n".encode()


def _has_keys(known: bytes, name: str, port: int) -> bool:
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
    reason, advice = _explained(attempt, error)
    return HostUnreachable(attempt.host, reason, advice)


def _explained(attempt: Attempt, error: Exception) -> tuple[str, str]:
    alias, text = attempt.alias, str(error) or type(error).__name__
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _changed(attempt) if attempt.known else _untrusted(attempt)
        case asyncssh.PermissionDenied():
            return text, f"{AGENT}; then see what `ssh -v {alias}` says"
        case asyncssh.KeyEncryptionError() | asyncssh.KeyImportError():
            return f"a private key cannot be used: {text}", AGENT
        case asyncssh.Error():
            return f"no connection: {text}", f"see what `ssh -v {alias}` says"
        case RuntimeError():
            return f"there is no home with an ssh config in it: {text}", "set the variable HOME"
        case ValueError() | FileNotFoundError() | PermissionError():
            return f"the ssh config cannot be used: {text}", f"correct it; see `ssh -G {alias}`"
        case _:
            return _network(alias, error)


def _network(alias: str, error: Exception) -> tuple[str, str]:
    match error:
        case socket.gaierror():
            return f"no such host name: {error.strerror}", f"check HostName with `ssh -G {alias}`"
        case ConnectionRefusedError():
            return "connection refused", f"check Port with `ssh -G {alias}`; does sshd run there?"
        case TimeoutError():
            return "no answer in time", "check the network or VPN, and that the host is up"
        case _:
            return str(error) or type(error).__name__, f"see what `ssh -v {alias}` says"


def _untrusted(attempt: Attempt) -> tuple[str, str]:
    advice = (
        f"run `ssh {attempt.alias}` once, compare the fingerprint it shows with one from the "
        "host's administrators, and accept it"
    )
    return f"the host key of {attempt.name} is not known", advice


def _changed(attempt: Attempt) -> tuple[str, str]:
    name, port = attempt.name, attempt.port
    entry = name if port == SSH_PORT else f"[{name}]:{port}"
    advice = (
        "ask its administrators first; only when they confirm the new key, "
        f"run `ssh-keygen -R '{entry}'` and then `ssh {attempt.alias}` once"
    )
    return f"the host key of {name} has changed: set up anew, or someone is in between", advice
