"""A site: a desk from which a real SLURM cluster is reached over a link that counts.

Jobs are held, so that none takes the CPU from what is measured.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from attrs import field, frozen

from bench.link import Link, Traffic, linked
from bench.measure import Work, process
from bench.sources import change_one_line
from tests.cli.desk import Desk, new_desk
from tests.e2e.slurm.cluster import SlurmCluster

JOB = "job: command\nrequest: {min_chips: 0}\ncommand: [echo, hello]\n"
TRANSPORTS = ("asyncssh", "openssh")


@frozen
class Site:
    """A *desk* from which the login machine is reached over *link*; all it has is in *storage*."""

    desk: Desk
    link: Link
    storage: Path
    numbers: Iterator[int] = field(factory=count)

    def theseus(self, transport: str, *words: str) -> Work:
        """`theseus` with *words*, to its end."""
        config = f"{self.desk.home}/{transport}.yaml"
        line = [sys.executable, "-m", "theseus.cli", *words, "-d", config]
        return process(line, self.desk.repository, self.desk.environment())

    def submit(self, transport: str, *words: str) -> Work:
        """`theseus submit`, of a sweep where *words* say so."""
        return self.theseus(transport, "submit", "demo", "train.yaml", "--json", *words)

    def by_hand(self, pipeline: str, far: str) -> Work:
        """A *pipeline* whose last word is ssh with the command *far*, as one writes it by hand."""
        ssh = f"ssh -F {self.desk.home}/.ssh/config slurm '{far}'"
        words = ["sh", "-c", f"{pipeline} | {ssh}"]
        return process(words, self.desk.repository, self.desk.environment())

    def change(self) -> None:
        """Commit one line more."""
        change_one_line(self.desk.repository, str(next(self.numbers)))

    def counted(self, work: Work) -> Traffic:
        """What goes over the link during *work*."""
        self.link.traffic = Traffic()
        work()
        return self.link.traffic


@contextmanager
def site_at(place: Path, cluster: SlurmCluster, delay: float) -> Iterator[Site]:
    """A desk in *place* from which it takes *delay* seconds to *cluster* and back."""
    with linked(cluster.site.ssh_port, delay) as link:
        desk, storage = new_desk(place), cluster.new_folder()
        _configure_ssh(desk, cluster, link)
        for transport in TRANSPORTS:
            _configure(desk, storage, transport)
        desk.write("train.yaml", JOB)
        site = Site(desk, link, storage)
        try:
            yield site
        finally:
            site.theseus("openssh", "login", "slurm", "--exit")()


def _configure_ssh(desk: Desk, cluster: SlurmCluster, link: Link) -> None:
    theirs, own = cluster.client_home / ".ssh", desk.home / ".ssh"
    own.mkdir(mode=0o700)
    old, new = str(cluster.site.ssh_port), str(link.port)
    config = (theirs / "config").read_text().replace(old, new).replace(str(theirs), str(own))
    desk.write(str(own / "config"), config)
    desk.write(str(own / "known_hosts"), (theirs / "known_hosts").read_text().replace(old, new))
    desk.write(str(own / "id_ed25519"), (theirs / "id_ed25519").read_bytes(), 0o600)


def _configure(desk: Desk, storage: Path, transport: str) -> None:
    host = {
        "type": "slurm",
        "cluster": "hpc",
        "ssh": "slurm",
        "transport": transport,
        "cpu_partitions": ["cpu"],
        "partitions": ["gpu"],
        "sbatch": ["--hold"],
        "connections_per_minute": 1000,  # no user submits as often as this
    }
    places = {"root": f"{storage}/root", "work": f"{storage}/work"}
    config = {"clusters": {"hpc": places}, "hosts": {"slurm": host}}
    desk.write(str(desk.home / f"{transport}.yaml"), json.dumps(config))
