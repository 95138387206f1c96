"""Placed: an assignment together with the host that was chosen for it, and all its places there."""

from collections.abc import Mapping
from typing import Any

from theseus.base.hardware import Cluster, HardwareRequest
from theseus.core.config.cluster import cluster_of
from theseus.core.config.config import ClusterConfig, Host
from theseus.core.plan.payload import Job
from theseus.core.plan.plan import Paths, Run
from theseus.core.plan.steps import Packaged
from theseus.core.request.after import run_dir_of
from theseus.core.solve.solve import Choice
from theseus.core.source.source import SourceSnapshot
from theseus.core.values import frozen


@frozen
class Release:
    """The theseus that plans: its *version* and the hashes of the files it ships."""

    version: str
    bootstrap: Packaged
    batch: Packaged
    runtime: Packaged


@frozen
class Assignment:
    """What is to be run: the run's names, the job, its config, and what flags add to it.

    *after* is the id of the run that must have completed first.
    """

    run: Run
    job: Job
    config: Mapping[str, Any]
    environment: tuple[tuple[str, str], ...] = ()
    uv_groups: tuple[str, ...] = ()
    after: str | None = None


@frozen
class Placed:
    """An assignment on the chosen host; *settings* are its cluster's as configured."""

    assignment: Assignment
    request: HardwareRequest
    source: SourceSnapshot
    release: Release
    choice: Choice
    host: Host
    settings: ClusterConfig

    @property
    def cluster(self) -> Cluster:
        """The cluster as a job is told about it: every path filled in."""
        return cluster_of(self.host.cluster, self.settings)

    @property
    def paths(self) -> Paths:
        """The places of the run."""
        run, cluster = self.assignment.run, self.cluster
        place = f"{run.project}/{run.group}/{run.name}/{run.id}"
        # sbatch takes every backslash out of the name of an output file
        log = f"{run.project}-{run.group}-{run.name}-{run.id}.log".replace("\\", "_")
        return Paths(
            share=cluster.share,
            run=run_dir_of(cluster.share, run.id),
            work=f"{cluster.work}/{place}",
            log=f"{cluster.log}/{log}",
            status=f"{cluster.status}/{place}",
            data=cluster.data,
            checkpoints=f"{cluster.checkpoints}/{place}",
            results=f"{cluster.results}/{place}",
        )

    @property
    def after(self) -> str | None:
        """The run directory of the run this one waits for."""
        after = self.assignment.after
        return None if after is None else run_dir_of(self.cluster.share, after)

    @property
    def archive(self) -> str:
        """Where the archive of the source tree lies, shared by all runs of it."""
        return f"{self.cluster.share}/trees/{self.source.tree}.tar.gz"

    @property
    def runtime(self) -> str:
        """Where the runtime of this release lies, shared by all runs it submits."""
        return f"{self.cluster.share}/runtimes/{self.release.runtime.sha256}.zip"
