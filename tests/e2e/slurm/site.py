"""Where one test cluster keeps its files, listens and whom it serves: values and nothing else."""

from dataclasses import dataclass
from pathlib import Path

NODES = ("gpu1", "gpu2", "gpu3", "gpu4", "cpu1", "cpu2")
LOGIN = "login"
CONTROLLER = "controller"
MACHINES = (LOGIN, CONTROLLER, *NODES)
USER = "researcher"
PORTS = 16
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Site:
    """A cluster whose files lie in *folder* and which listens from *first_port* on, on loopback."""

    folder: Path
    first_port: int
    user_id: int
    accounting: bool

    @property
    def settings(self) -> Path:
        """The folder of slurm.conf: /etc/slurm on the machines, or SLURM_CONF's with accounting."""
        return self.folder / ("settings" if self.accounting else "etc/slurm")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the daemons and of whatever the tests run on a machine."""
        settings = {"SLURM_CONF": str(self.settings / "slurm.conf")} if self.accounting else {}
        return {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", **settings}

    @property
    def ssh_port(self) -> int:
        """The port of sshd."""
        return self.first_port

    @property
    def controller_port(self) -> int:
        """The port of slurmctld."""
        return self.first_port + 1

    @property
    def accounting_port(self) -> int:
        """The port of slurmdbd."""
        return self.first_port + 2

    @property
    def database_port(self) -> int:
        """The port of mariadbd."""
        return self.first_port + 3

    def node_port(self, node: str) -> int:
        """The port of the slurmd of *node*."""
        return self.first_port + 4 + NODES.index(node)

    @property
    def home(self) -> Path:
        """The user's home, on shared storage."""
        return self.folder / "home" / USER

    @property
    def client_home(self) -> Path:
        """The home of who dispatches: `ssh slurm` leads from there to the login machine."""
        return self.folder / "client"
