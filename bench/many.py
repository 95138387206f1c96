"""Many runs in one go: a sweep to a real SLURM cluster, whole process, from a changed tree.

What it is held against is a figure, for there is no telling what one would write by hand.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from attrs import frozen

from bench.link import Traffic, told
from bench.measure import Row, seconds, shown, within
from bench.site import Site, site_at
from bench.sources import Size, make_repository
from tests.e2e.slurm.cluster import SlurmCluster

SECONDS, UPLOADS, CONNECTIONS = 5.0, 1, 2  # the most that the largest sweep may take


@frozen
class Swept:
    """What a sweep of so many *runs* took: *uploads* are the archives that came with it."""

    runs: int
    seconds: float
    traffic: Traffic
    uploads: int

    def __str__(self) -> str:
        return f"{runs_in_words(self.runs)} in one go, {told(self.traffic)}"


def rows(cluster: SlurmCluster, size: Size, goes: int, sweeps: Sequence[int]) -> Iterator[Row]:
    """The rows for sweeps of so many runs as *sweeps* says."""
    with TemporaryDirectory() as folder, site_at(Path(folder), cluster, 0) as site:
        make_repository(site.desk.repository, size)
        site.submit("asyncssh")()
        first: float | None = None
        for runs in sweeps:
            swept = [_swept(site, cluster, runs) for _ in range(goes)]
            taken, last = median(each.seconds for each in swept), swept[-1]
            first = first or taken
            beside = f"{shown(first)} for {runs_in_words(sweeps[0])}"
            yield Row(f"submit {last}", shown(taken), beside, taken / first)
        largest = f"submit {runs_in_words(sweeps[-1])} in one go"
        yield within(largest, taken, SECONDS, "s")
        yield within(f"{largest}, archives sent", last.uploads, UPLOADS)
        yield within(f"{largest}, connections", last.traffic.connections, CONNECTIONS)


def _swept(site: Site, cluster: SlurmCluster, runs: int) -> Swept:
    """What a sweep of so many *runs* took; its jobs are gone again."""
    trees = site.storage / "work" / ".dispatch" / "trees"
    site.change()
    before = len(list(trees.iterdir()))
    taken = 0.0

    def submit() -> None:
        nonlocal taken
        taken = seconds(site.submit("asyncssh", "--sweep", f"+seed=range({runs})"))

    traffic = site.counted(submit)
    uploads = len(list(trees.iterdir())) - before
    cluster.cancel_all()
    return Swept(runs, taken, traffic, uploads)


def runs_in_words(runs: int) -> str:
    """So many *runs*."""
    return "1 run" if runs == 1 else f"{runs} runs"
