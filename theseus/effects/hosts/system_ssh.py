"""The system's `ssh` as a command: asked about its settings, told to open and close connections.

What it prints is read in core/hosts/. It runs without a terminal and asks no question; `log_in`
alone lends it the user's terminal.
"""

import asyncio
import os
import pwd
import secrets
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL

from attrs import field

from theseus.core.hosts.ssh_settings import SshSettings, read_settings
from theseus.core.values import frozen

LOST = 255  # ssh(1): its own exit status when the connection, not the command, failed
ASK_TIME = 10.0  # seconds for what touches no network, but may run what a config's Match says
ORDER_TIME = 3.0  # seconds for a word to the process behind a socket
START_TIME = 90.0  # seconds for a connection: three times a slow one
_OURS = (
    *("-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no", "-o", "RemoteCommand=none"),
    *("-o", "ForwardX11=no", "-o", "LogLevel=ERROR"),
)
_MASTER = (
    *("-N", "-f", "-o", "ControlMaster=yes", "-o", "NoHostAuthenticationForLocalhost=no"),
    *("-o", "ServerAliveCountMax=3"),
)
# a session goes through the socket or not at all: by itself, ssh would make a connection instead
_SESSION = (
    *("-T", "-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ProxyCommand=false"),
    *("-o", "EscapeChar=none"),
)
_NEVER_ASK = {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}


def _config_by_home() -> str | None:
    """The config of the home that HOME names, where that is another than ssh takes for it.

    ssh finds the home in the password database, whatever HOME says; everyone else asks HOME.
    """
    with suppress(KeyError):
        if Path(pwd.getpwuid(os.getuid()).pw_dir).resolve() != Path.home().resolve():
            return _own_config()
    return None


def _own_config() -> str:
    config = _expanded("~/.ssh/config")
    return config if Path(config).is_file() else os.devnull


def _expanded(path: str) -> str:
    return str(Path(path).expanduser())


@frozen
class Said:
    """How ssh ended, None when it took too long, and what it printed."""

    status: int | None
    output: str
    errors: str


@frozen
class SystemSsh:
    """`ssh`, with *config* in place of the user's and the system's files."""

    config: str | None = field(factory=_config_by_home)

    def words(self) -> tuple[str, ...]:
        """The words that every command to it begins with."""
        return ("ssh",) if self.config is None else ("ssh", "-F", self.config)

    async def settings(self, alias: str) -> SshSettings | Said:
        """The settings for *alias*; what was said instead when the config cannot be used."""
        said = await run((*self.words(), "-G", "--", alias))
        return read_settings(said.output) if said.status == 0 else said

    async def own_settings(self, alias: str) -> SshSettings:
        """The settings for *alias* by the user's config alone."""
        said = await run(("ssh", "-F", self.config or _own_config(), "-G", "--", alias))
        return read_settings(said.output)

    async def is_live(self, socket: str, alias: str) -> bool:
        """Whether a connection stands behind *socket*."""
        return os.access(socket, os.F_OK) and await self._order("check", socket, alias)

    async def close(self, socket: str, alias: str) -> bool:
        """End the connection behind *socket*; whether there was one."""
        closed = await self._order("exit", socket, alias)
        self.forget(socket)
        return closed

    async def retire(self, socket: str, alias: str) -> None:
        """Have nothing new begin behind *socket*; what others do there goes on to its end."""
        await self._order("stop", socket, alias)
        self.forget(socket)

    def forget(self, socket: str) -> None:
        """Remove *socket*, and the one it leads to."""
        for path in (os.path.realpath(socket), socket):
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108  ssh's sockets are texts here: a Path would tidy them up

    async def open(self, socket: str, alias: str, options: Sequence[str]) -> Said:
        """Open a connection behind *socket* that goes on in the background; asks nothing."""
        words = (*self.words(), *_OURS, *_MASTER, "-o", "BatchMode=yes")
        apart = _apart(socket)
        words = (*words, "-o", "StrictHostKeyChecking=yes", *options, "-S", escaped(apart))
        said = await run((*words, "--", alias), START_TIME)
        if said.status == 0:
            _lead(socket, apart)
        return said

    async def log_in(self, socket: str, alias: str, options: Sequence[str]) -> int:
        """Open one likewise, its questions asked at the terminal; ssh's exit status."""
        words = (*self.words(), *_OURS, *_MASTER, "-o", "BatchMode=no")
        apart = _apart(socket)
        words = (*words, "-o", "StrictHostKeyChecking=ask", *options, "-S", escaped(apart))
        process = await asyncio.create_subprocess_exec(*words, "--", alias)
        status = await process.wait()
        if status != 0:
            return status
        _lead(socket, apart)
        # once it answers it has left the terminal, whose end would be its own
        return 0 if await self.is_live(socket, alias) else LOST

    def session(self, socket: str, alias: str, command: str) -> tuple[str, ...]:
        """The words that run *command* on the connection behind *socket*."""
        return (*self.words(), *_OURS, *_SESSION, "-S", escaped(socket), "--", alias, command)

    async def _order(self, order: str, socket: str, alias: str) -> bool:
        words = (*self.words(), "-S", escaped(socket), "-O", order, "--", alias)
        return (await run(words, ORDER_TIME)).status == 0


async def knows_host(name: str, files: Sequence[str]) -> bool:
    """Whether one of the known_hosts *files* has a key of *name*, of any kind."""
    for file in files:
        if (await run(("ssh-keygen", "-F", name, "-f", _expanded(file)))).status == 0:
            return True
    return False


async def has_ticket() -> bool:
    """Whether this user has a valid Kerberos ticket."""
    with suppress(FileNotFoundError):
        return (await run(("klist", "-s"))).status == 0
    return False


async def run(words: Sequence[str], deadline: float = ASK_TIME) -> Said:
    """Run *words* without input and terminal; FileNotFoundError when there is no such program."""
    # files and no pipes: a connection that goes on in the background would keep those open
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **_NEVER_ASK},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(deadline):
                status: int | None = await process.wait()
        except TimeoutError:
            status = None
        finally:
            await _stop(process)
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    return Said(status, *said)


def session_environment() -> Mapping[str, str]:
    """The environment of a session: the user's, without the locale of this machine.

    `SendEnv LANG LC_*` stands in many systems' configs, and a job's locale is not the laptop's.
    """
    local = {name: value for name, value in os.environ.items() if not _is_locale(name)}
    return {**local, "SSH_ASKPASS_REQUIRE": "never"}


def escaped(socket: str) -> str:
    """*socket* as a ControlPath, in which `%` begins a token."""
    return socket.replace("%", "%%")


def _apart(socket: str) -> str:
    """A name beside *socket*, as long, for a connection that is being opened.

    Whoever opens one may be killed, and ssh goes on. With a socket of that name in its place by
    then, it would open a connection without any, which nobody uses and nothing ends.
    """
    place, name = os.path.split(socket)
    return os.path.join(place, secrets.token_hex(len(name))[: len(name)])  # noqa: PTH118  ssh's sockets are texts here: a Path would tidy them up


def _lead(socket: str, apart: str) -> None:
    """Have *socket* lead to the one that lies *apart*, until that is gone."""
    os.symlink(os.path.basename(apart), f"{apart}.new")  # noqa: PTH119, PTH211  ssh's sockets are texts here: a Path would tidy them up
    os.replace(f"{apart}.new", socket)  # noqa: PTH105  ssh's sockets are texts here: a Path would tidy them up


def _is_locale(name: str) -> bool:
    return name in {"LANG", "LANGUAGE"} or name.startswith("LC_")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
