"""Cluster: a cluster of the config as a job is told about it."""

from theseus.base.hardware import Cluster
from theseus.core.config.config import ClusterConfig


def cluster_of(name: str, settings: ClusterConfig) -> Cluster:
    """The cluster *name* with every path filled in that *settings* leave out."""
    names = ("log", "share", "data", "checkpoints", "results", "status")
    given = {key: path for key in names if (path := getattr(settings, key)) is not None}
    return Cluster(name, root=settings.root, work=settings.work, **given)
