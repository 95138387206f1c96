"""Mount: what bootstrap is told about JuiceFS at a cluster's root.

The plan holds the URL without its password, and a reference to the password.
"""

from collections.abc import Iterator, Mapping

from attrs import evolve

from theseus.core.config.config import ClusterConfig, DispatchConfig
from theseus.core.config.juicefs import IN_CONFIG
from theseus.core.config.secrets import ConfigSecret, Secret

PASSWORD_VARIABLE = "THESEUS_MOUNT_PASSWORD"  # noqa: S105  the name of a variable
_SECTION, _KEY = "clusters.", ".mount"


def refer_to_passwords(config: DispatchConfig, path: str) -> DispatchConfig:
    """*config*, read from the file *path*, its mounts saying where their passwords stand."""
    clusters = {
        name: _referring(cluster, ConfigSecret(path, f"{_SECTION}{name}{_KEY}"))
        for name, cluster in config.clusters.items()
    }
    return evolve(config, clusters=clusters)


def cluster_of(reference: ConfigSecret) -> str:
    """The cluster whose mount holds the password that *reference* points at."""
    return reference.key.removeprefix(_SECTION).removesuffix(_KEY)


def _referring(cluster: ClusterConfig, reference: ConfigSecret) -> ClusterConfig:
    if cluster.mount is None or cluster.mount.password != IN_CONFIG:
        return cluster
    return evolve(cluster, mount=evolve(cluster.mount, password=reference))


def mount_texts(settings: ClusterConfig) -> Mapping[str, str]:
    """The variables that say what is mounted and how; none without a mount."""
    if settings.mount is None:
        return {}
    pinned = settings.juicefs
    texts = {
        "THESEUS_MOUNT": settings.mount.url,
        "THESEUS_MOUNT_CACHE_SIZE": settings.cache_size,
        "THESEUS_MOUNT_SQUASH": settings.all_squash,
        "THESEUS_JUICEFS_URL": None if pinned is None else pinned.url,
        "THESEUS_JUICEFS_SHA256": None if pinned is None else pinned.sha256,
    }
    return {name: str(text) for name, text in texts.items() if text is not None}


def mount_places(settings: ClusterConfig) -> Mapping[str, str]:
    """The variables that say where; none without a mount."""
    if settings.mount is None:
        return {}
    cache = {} if settings.cache_dir is None else {"THESEUS_MOUNT_CACHE_DIR": settings.cache_dir}
    return {"THESEUS_MOUNT_POINT": settings.root, **cache}


def mount_secrets(settings: ClusterConfig) -> Iterator[Secret]:
    """The password of the mount, if it has one."""
    if settings.mount is not None and settings.mount.password is not None:
        yield Secret(PASSWORD_VARIABLE, settings.mount.password)


def mount_problems(cluster: ClusterConfig) -> Iterator[tuple[str, str]]:
    """The keys of *cluster* that name what lies below its root though a run needs it earlier."""
    if cluster.mount is None:
        return
    if cluster.root in {"/", "~"}:
        yield "root", "expected a directory for JuiceFS to be mounted at"
        return
    needed = {
        "share" if cluster.share is not None else "work": cluster.share or cluster.work,
        "log" if cluster.log is not None else "work": cluster.log or cluster.work,
        **({} if cluster.cache_dir is None else {"cache_dir": cluster.cache_dir}),
    }
    for key, path in needed.items():
        if f"{path}/".startswith(f"{cluster.root}/"):
            beside = " (or `share` and `log`)" if key == "work" else ""
            why = "it is needed while nothing is mounted"
            yield key, f"expected a path outside of `root`{beside}: {why}"
