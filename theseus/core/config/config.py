"""Config: the dispatch YAML as frozen values. Its annotations are the schema.

What a key means is said here and in `examples/dispatch.yaml`; nothing here reads a file.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

from theseus.core.config.decode import OrName, Tagged
from theseus.core.config.fields import (
    Assigned,
    Limit,
    Memory,
    Minutes,
    Positive,
    RemotePath,
    SecretSource,
    UvGroup,
)
from theseus.core.config.juicefs import CacheSize, MountUrl, PinnedJuicefs, Squash
from theseus.core.config.secrets import Referenced, SecretReference
from theseus.core.values import frozen

Transport: TypeAlias = Literal["auto", "asyncssh", "openssh", "local"]
CONNECTIONS_PER_MINUTE: Final = 20
DEFAULT_LEASES = "/var/tmp/theseus-leases"  # noqa: S108  locks of all users: lease_directory.py
_EMPTY: Mapping[str, str] = MappingProxyType({})
_NO_ENVIRONMENT: Mapping[str, str | Referenced] = MappingProxyType({})
_NO_SECRETS: Mapping[str, SecretReference] = MappingProxyType({})


@frozen
class ClusterConfig:
    """Storage and work roots that hosts share. Paths are absolute or begin with `~/`."""

    root: RemotePath
    work: RemotePath
    log: RemotePath | None = None
    share: RemotePath | None = None
    data: RemotePath | None = None
    checkpoints: RemotePath | None = None
    results: RemotePath | None = None
    status: RemotePath | None = None
    mount: MountUrl | None = None
    cache_size: CacheSize | None = None
    cache_dir: RemotePath | None = None
    all_squash: Squash | None = None
    juicefs: PinnedJuicefs | None = None
    uv_cache: RemotePath | None = None
    env: Mapping[str, Assigned] = _NO_ENVIRONMENT
    secrets: Mapping[str, SecretSource] = _NO_SECRETS


@frozen
class PlainHost:
    """A machine that jobs are started on directly. *chips* caps what may be used of each chip.

    *leases* is where all of its users hold locks on its GPUs.
    """

    cluster: str
    ssh: str | None = None
    transport: Transport = "auto"
    connections_per_minute: Positive = CONNECTIONS_PER_MINUTE
    uv_groups: tuple[UvGroup, ...] = ()
    chips: Mapping[str, Limit] | None = None
    leases: RemotePath = DEFAULT_LEASES
    mem: Memory | None = None
    time: Minutes | None = None
    cpus_per_task: Positive | None = None
    env: Mapping[str, Assigned] = _NO_ENVIRONMENT
    secrets: Mapping[str, SecretSource] = _NO_SECRETS
    setup: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


@frozen
class Partition:
    """A SLURM partition; *chip* says what an untyped `gpu` GRES is there."""

    name: str
    default: bool = False
    constraint: str | None = None
    chip: str | None = None
    time: Minutes | None = None


@frozen
class SlurmHost:
    """A login node from which jobs are submitted with sbatch."""

    cluster: str
    partitions: tuple[Annotated[Partition, OrName()], ...]
    ssh: str | None = None
    transport: Transport = "auto"
    connections_per_minute: Positive = CONNECTIONS_PER_MINUTE
    cpu_partitions: tuple[Annotated[Partition, OrName()], ...] = ()
    account: str | None = None
    qos: str | None = None
    mem: Memory | None = None
    time: Minutes | None = None
    cpus_per_task: Positive | None = None
    constraint: str | None = None
    exclude: tuple[str, ...] = ()
    chips: Mapping[str, Limit] | None = None
    gres_mapping: Mapping[str, str] = _EMPTY
    sbatch: tuple[str, ...] = ()
    env_on: Literal["node", "login"] = "node"
    uv_groups: tuple[UvGroup, ...] = ()
    env: Mapping[str, Assigned] = _NO_ENVIRONMENT
    secrets: Mapping[str, SecretSource] = _NO_SECRETS
    setup: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


Host: TypeAlias = PlainHost | SlurmHost
AnyHost: TypeAlias = Annotated[
    PlainHost | SlurmHost, Tagged("type", {"plain": PlainHost, "slurm": SlurmHost})
]


@frozen
class DispatchConfig:
    """The whole dispatch config; `config_checks.decode_config` gives only consistent ones."""

    clusters: Mapping[str, ClusterConfig]
    hosts: Mapping[str, AnyHost]
    priority: tuple[str, ...] = ()
    gres_mapping: Mapping[str, str] = _EMPTY
    notify: tuple[str, ...] = ()

    def hosts_by_preference(self) -> tuple[str, ...]:
        """Host names in priority order, then the unlisted ones in file order."""
        listed = dict.fromkeys(self.priority)
        return (*listed, *(name for name in self.hosts if name not in listed))
