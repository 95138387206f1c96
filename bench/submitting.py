"""Submitting to a real SLURM cluster, beside the pipeline that one would write by hand.

`git archive HEAD | gzip -1 | ssh host 'tar xz; sbatch'`: whole processes both, over links of
several round-trip times. Jobs are held, so that none takes the CPU from what is measured.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import field, frozen

from bench.link import Link, Traffic, linked
from bench.measure import Row, Work, compared, in_turns, process
from bench.sources import Size, change_one_line, make_repository
from tests.cli.desk import Desk, new_desk
from tests.e2e.slurm.cluster import SlurmCluster, running_cluster

JOB = "job: command\nrequest: {min_chips: 0}\ncommand: [echo, hello]\n"
CHANGED, THERE = "changed", "there"
FAR = (
    'cd "$(mktemp -d)" && tar xz && printf "#!/bin/sh\\ntrue\\n" >job.sh && '
    "sbatch --parsable --hold --partition=cpu job.sh"
)


# the most that a submission may take beside the pipeline: by transport, milliseconds and tree
LIMITS = {
    ("asyncssh", 0, CHANGED): 2.0,
    ("asyncssh", 100, CHANGED): 1.2,
    ("openssh", 0, CHANGED): 1.3,
    ("openssh", 0, THERE): 1.0,
    ("openssh", 100, CHANGED): 1.2,
}


@frozen
class Site:
    """A *desk* from which the cluster is reached over *link*, by *transport*."""

    desk: Desk
    link: Link
    transport: str
    numbers: Iterator[int] = field(factory=count)

    @property
    def submit(self) -> Work:
        """What `theseus submit` does."""
        words = [sys.executable, "-m", "theseus.cli", "submit", "demo", "train.yaml", "--json"]
        return process(words, self.desk.repository, self.desk.environment())

    @property
    def pipeline(self) -> Work:
        """What is done by hand."""
        ssh = f"ssh -F {self.desk.home}/.ssh/config slurm '{FAR}'"
        words = ["sh", "-c", f"git archive HEAD | gzip -1 | {ssh}"]
        return process(words, self.desk.repository, self.desk.environment())

    def change(self) -> None:
        """Commit one line more."""
        change_one_line(self.desk.repository, str(next(self.numbers)))


def rows(
    size: Size, goes: int, delays: Sequence[int], transport: str = "asyncssh"
) -> Iterator[Row]:
    """The rows for links whose round trip takes *delays* in milliseconds."""
    with running_cluster(accounting=False) as cluster, TemporaryDirectory() as folder:
        for delay in delays:
            with linked(cluster.site.ssh_port, delay / 1000) as link:
                site = _site(Path(folder) / str(delay), cluster, link, transport)
                make_repository(site.desk.repository, size)
                site.submit()  # what is sent once for ever is there by now
                link.traffic = Traffic()
                yield from _rows(site, goes, delay)
            cluster.cancel_all()


def _rows(site: Site, goes: int, delay: int) -> Iterator[Row]:
    traffic: dict[str, Traffic] = {}

    def noting(name: str, work: Work) -> Work:
        def run() -> None:
            work()
            traffic[name] = site.link.traffic
            site.link.traffic = Traffic()

        return run

    by_hand, changed = noting("by hand", site.pipeline), noting(CHANGED, site.submit)
    beside, taken = in_turns(goes, by_hand, changed, before=site.change)
    yield _row(site, delay, CHANGED, (taken, beside), traffic)
    (taken,) = in_turns(goes, noting(THERE, site.submit))
    yield _row(site, delay, THERE, (taken, beside), traffic)


def _row(
    site: Site, delay: int, tree: str, times: tuple[float, float], traffic: Mapping[str, Traffic]
) -> Row:
    what = f"submit, {site.transport}, {delay} ms, tree {tree}, {_told(traffic[tree])}"
    beside = f"the pipeline, {_told(traffic['by hand'])}"
    limit = LIMITS.get((site.transport, delay, tree))
    return compared(what, times[0], (beside, times[1]), limit)


def _told(traffic: Traffic) -> str:
    trips = f"{traffic.round_trips} round trips, " if traffic.round_trips else ""
    return f"{traffic.connections} connection, {trips}{traffic.sent / 1000:.0f} kB"


def _site(place: Path, cluster: SlurmCluster, link: Link, transport: str) -> Site:
    """A desk in *place* whose ssh config leads over *link*."""
    desk = new_desk(place)
    theirs, own = cluster.client_home / ".ssh", desk.home / ".ssh"
    own.mkdir(mode=0o700)
    old, new = str(cluster.site.ssh_port), str(link.port)
    config = (theirs / "config").read_text().replace(old, new).replace(str(theirs), str(own))
    desk.write(str(own / "config"), config)
    desk.write(str(own / "known_hosts"), (theirs / "known_hosts").read_text().replace(old, new))
    desk.write(str(own / "id_ed25519"), (theirs / "id_ed25519").read_bytes(), 0o600)
    storage = cluster.new_folder()
    host = {
        "type": "slurm",
        "cluster": "hpc",
        "ssh": "slurm",
        "transport": transport,
        "cpu_partitions": ["cpu"],
        "partitions": ["gpu"],
        "sbatch": ["--hold"],
    }
    places = {"root": f"{storage}/root", "work": f"{storage}/work"}
    dispatch = {"clusters": {"hpc": places}, "hosts": {"slurm": host}}
    desk.write(str(desk.home / ".theseus.yaml"), json.dumps(dispatch))
    desk.write("train.yaml", JOB)
    return Site(desk, link, transport)
