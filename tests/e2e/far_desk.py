"""A desk whose host is far: a user here, who reaches a real sshd by ~/.ssh/config."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import Desk, new_desk
from tests.cli.runs import outcome_in
from tests.e2e.sshd import Sshd

PLACE = f"theseus-test-{os.getpid()}"
NOISE = "echo 'Welcome to the cluster'; echo; echo '0 0 0'\n"
# what HPC login files do: a command that fails, options that end a shell at the next one
HARM = {
    "bash": "false\ntrap 'echo bye' EXIT\nset -euo pipefail\n",
    "tcsh": "false\n",
    "fish": "false\n",
}
START_FILES = {"bash": ".bashrc", "tcsh": ".cshrc", "fish": ".config/fish/config.fish"}


@frozen
class FarDesk:
    """A *desk* with the host `far`, which is a user with *login_shell* at *server*."""

    desk: Desk
    server: Sshd
    login_shell: str
    transport: str

    @property
    def alias(self) -> str:
        """What the ssh config calls the host."""
        return f"thx-{self.login_shell}"

    @property
    def user(self) -> str:
        """Who logs in there."""
        return self.server.users[self.login_shell]

    @property
    def place(self) -> Path:
        """All that theseus has there."""
        return self.server.home(self.login_shell) / PLACE

    def configure(self, cluster: str = "", host: str = "") -> None:
        """Write the dispatch config, with more keys of the cluster and the host."""
        self.desk.write(
            str(self.desk.home / ".theseus.yaml"),
            f"clusters:\n  hpc:\n    root: ~/{PLACE}/root\n    work: ~/{PLACE}/work\n{cluster}"
            f"hosts:\n  far:\n    type: plain\n    cluster: hpc\n    ssh: {self.alias}\n"
            f"    transport: {self.transport}\n{host}",
        )

    def configure_ssh(self, old: str = "", new: str = "") -> None:
        """Write ~/.ssh/config, *old* replaced by *new* in it."""
        text = Path(self.server.config).read_text()
        assert old in text
        self.desk.write(str(self.desk.home / ".ssh" / "config"), text.replace(old, new), 0o600)

    def outcome(self, run_id: str) -> dict[str, Any]:
        """What became of a run there, awaited."""
        return outcome_in(self.place / "work" / ".dispatch" / "runs" / run_id)


@contextmanager
def far_desk(
    folder: Path, server: Sshd, login_shell: str, transport: str = "auto"
) -> Iterator[FarDesk]:
    """A desk in *folder*; what was made at the far side is removed in the end."""
    made = FarDesk(new_desk(folder / "user"), server, login_shell, transport)
    made.configure()
    made.configure_ssh()
    try:
        yield made
    finally:
        if transport == "openssh":
            made.desk.theseus("login", "far", "--exit")
        shutil.rmtree(made.place, ignore_errors=True)  # a left job may write


@contextmanager
def noisy(server: Sshd, login_shell: str) -> Iterator[None]:
    """Login files that print and fail, where the home is one that was made for the tests."""
    if os.geteuid() != 0:
        yield
        return
    file = server.home(login_shell) / START_FILES[login_shell]
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NOISE + HARM[login_shell])
    try:
        yield
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
