"""A real OpenSSH server for the tests: loopback, throw-away keys, unprivileged users.

As root it makes users for the tests and removes them; otherwise it serves the user who runs the
tests. Where openssh-server is missing it is installed; where that cannot be done, the tests that
need it fail in CI and are skipped elsewhere, with the reason.
"""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

LOGIN_SHELLS = ("bash", "tcsh", "fish")
_numbers = itertools.count()
BANNER = "*** Authorized use only ***\n" * 20


@dataclass(frozen=True)
class Sshd:
    """A running sshd: the client's *config* has one alias a login shell, `thx-bash` and so on."""

    folder: Path
    port: int
    users: dict[str, str]

    @property
    def config(self) -> str:
        """The ssh config that leads here."""
        return str(self.folder / "config")

    @property
    def known_hosts(self) -> Path:
        """The known_hosts file of that config."""
        return self.folder / "known_hosts"

    @contextmanager
    def program(self, name: str, text: str) -> Iterator[None]:
        """Have an executable on the PATH of everyone who logs in."""
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        try:
            yield
        finally:
            file.unlink()

    def home(self, name: str) -> Path:
        """The home of the user whose login shell is *name*."""
        return Path(pwd.getpwnam(self.users[name]).pw_dir)


def unavailable(reason: str) -> None:
    """Fail in CI, skip elsewhere: *reason* says why there is no sshd."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)  # why there is no sshd, as the caller found out


def sshd_program() -> str:
    """The path of sshd, installed when it is missing."""
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    if shutil.which("sshd", path=path) is None and shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "-y", "--no-install-recommends", "openssh-server"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, env=environment, capture_output=True, check=False)
    program = shutil.which("sshd", path=path)
    if program is None:
        unavailable("there is no sshd here and it cannot be installed: install openssh-server")
    assert program is not None
    return program


@contextmanager
def running_sshd(folder: Path, settings: str = "") -> Iterator[Sshd]:
    """Run a sshd with its files in *folder*, stopped by its process id in the end.

    *settings* are lines of sshd_config that come first, and so prevail.
    """
    program = sshd_program()
    for name in ("host_key", "id"):
        key = str(folder / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with users() as names:
        server = Sshd(folder, free_port(), names)
        write_files(server, settings)
        command = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
        with (folder / "sshd.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_until_it_listens(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()


@contextmanager
def users() -> Iterator[dict[str, str]]:
    """One user for each login shell that is here: made for the tests, or the present one."""
    found = {name: path for name in LOGIN_SHELLS if (path := shutil.which(name))}
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.getuid())
        yield {Path(me.pw_shell).name: me.pw_name}
        return
    number = next(_numbers)
    names = {name: f"thx{os.getpid()}{name}{number}" for name in found}
    try:
        for name, user in names.items():
            subprocess.run(["useradd", "-m", "-s", found[name], "-p", "*", user], check=True)
        yield names
    finally:
        for user in names.values():
            subprocess.run(["userdel", "-f", "-r", user], capture_output=True, check=False)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_files(server: Sshd, settings: str) -> None:
    """Write the configs of both sides, the banner, and what each side trusts."""
    folder = server.folder
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd(8): its empty directory
    for name, user in server.users.items():
        keys = folder / f"authorized-{user}"
        shutil.copy(folder / "id.pub", keys)
        with (folder / "config").open("a") as config:
            config.write(
                f"Host thx-{name}\n  HostName 127.0.0.1\n  Port {server.port}\n  User {user}\n"
                f"  IdentityFile {folder}/id\n  IdentitiesOnly yes\n"
                f"  UserKnownHostsFile {folder}/known_hosts\n"
            )
    (folder / "banner").write_text(BANNER)
    (folder / "sshd_config").write_text(
        f"{settings}Port {server.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized-%u\nPidFile none\nBanner {folder}/banner\n"
        "UsePAM no\nStrictModes no\nPasswordAuthentication no\nPrintMotd yes\n"
        f"SetEnv PATH={folder}/bin:/usr/local/bin:/usr/bin:/bin\n"
    )
    trust(server, folder / "host_key.pub")
    if os.geteuid() == 0:
        # sshd reads the authorized keys as the user who logs in
        for directory in (folder, *folder.parents):
            if directory.stat().st_mode & 0o001 == 0:
                directory.chmod(directory.stat().st_mode | 0o011)


def trust(server: Sshd, public_key: Path) -> None:
    """Have the client know *public_key* as the server's."""
    algorithm, key, *_ = public_key.read_text().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {algorithm} {key}\n")


def wait_until_it_listens(server: Sshd, process: "subprocess.Popen[bytes]") -> None:
    """Wait until *server* accepts connections."""
    for _ in range(100):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    unavailable(f"sshd does not run here: {(server.folder / 'sshd.log').read_text()}")
