"""An SSH server inside the test process: real key exchange, throw-away keys, a real shell.

What goes wrong on real hosts can be asked of it: banners, noisy login files, odd login shells,
refused keys, and a connection that is cut after so many bytes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

ALIAS = "site"
LOST = (asyncssh.Error, OSError)


@dataclass
class Server:
    """One server, its client's files in *folder*, and how it behaves."""

    folder: Path
    login_shell: tuple[str, ...] = ("sh",)
    banner: str = ""
    noise: bytes = b""
    refuse: bool = False
    cut_input: int | None = None  # cut the next connection after so many bytes from the client
    cut_output: int | None = None  # … or after so many bytes of standard output
    port: int = 0
    commands: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    open_connections: int = 0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def config(self) -> str:
        """The ssh config that leads here."""
        return str(self.folder / "config")

    @property
    def known_hosts(self) -> Path:
        """The known_hosts file of that config."""
        return self.folder / "known_hosts"

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Run the command of *process* by the login shell."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        self.commands.append(process.command or "")
        self.variables.update(process.env)
        cut_input, self.cut_input = self.cut_input, None
        cut_output, self.cut_output = self.cut_output, None
        child = await asyncio.create_subprocess_exec(
            *self.login_shell,
            "-c",
            process.command or "",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        with suppress(*LOST):
            process.stdout.write(self.noise)
        feeding = asyncio.create_task(_feed(process, child.stdin, cut_input))
        await asyncio.gather(
            _drain(child.stdout, process.stdout, cut_output),
            _drain(child.stderr, process.stderr, None),
        )
        status = await child.wait()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        with suppress(*LOST):
            process.exit(status)

    async def settle(self) -> None:
        """Wait for every command to end."""
        while self._running:
            await asyncio.wait(set(self._running))


async def _feed(
    process: "asyncssh.SSHServerProcess[bytes]", writer: asyncio.StreamWriter, cut: int | None
) -> None:
    try:
        with suppress(*LOST):
            while data := await process.stdin.read(65536):
                kept = data if cut is None else data[:cut]
                writer.write(kept)
                await writer.drain()
                if cut is not None:
                    cut -= len(kept)
                    if cut == 0:
                        process.get_extra_info("connection").abort()
                        return
    finally:
        writer.close()


async def _drain(
    reader: asyncio.StreamReader, writer: "asyncssh.SSHWriter[bytes]", cut: int | None
) -> None:
    left = cut
    while data := await reader.read(65536):
        kept = data if left is None else data[:left]
        with suppress(*LOST):
            writer.write(kept)
            await writer.drain()
        if left is not None:
            left -= len(kept)
            if kept and left == 0:
                await asyncio.sleep(0.05)  # what was written before the cut shall arrive
                writer.get_extra_info("connection").abort()


class _Doors(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.connections += 1
        self._server.open_connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.open_connections -= 1

    def begin_auth(self, username: str) -> bool:
        del username
        if self._server.banner and self._connection:
            self._connection.send_auth_banner(self._server.banner)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        public = (self._server.folder / "id.pub").read_bytes()
        return not self._server.refuse and key == asyncssh.import_public_key(public)


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Server]:
    """Have *server* serve, with keys of its own and a config that leads to it."""
    server.folder.mkdir(parents=True, exist_ok=True)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(server.folder / "id"))
    key.write_public_key(str(server.folder / "id.pub"))
    (server.folder / "id").chmod(0o600)
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        server_factory=lambda: _Doors(server),
        process_factory=server.serve,
        encoding=None,
    )
    server.port = listener.get_port()
    write_client_files(server, host_key)
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
        await server.settle()


def write_client_files(server: Server, host_key: asyncssh.SSHKey) -> None:
    """Write the client's config and known_hosts, as if *host_key* had been accepted before."""
    Path(server.config).write_text(
        f"Host {ALIAS}\n  HostName 127.0.0.1\n  Port {server.port}\n  User tester\n"
        f'  IdentityFile "{server.folder / "id"}"\n  IdentitiesOnly yes\n'
        f'  UserKnownHostsFile "{server.known_hosts}"\n  GlobalKnownHostsFile /dev/null\n'
    )
    public = host_key.export_public_key().decode()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}")
