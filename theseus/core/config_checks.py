"""Checks of a config beyond its schema: names that must name something, keys that go together."""

from collections.abc import Iterator, Mapping

from returns.result import Failure, Result, Success

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.core.config import DispatchConfig, Host, SlurmHost
from theseus.core.decode import Path, Problem, decode, nearest
from theseus.core.fields import has_control, variable_problem


def decode_config(data: object) -> Result[DispatchConfig, tuple[Problem, ...]]:
    """The dispatch config in *data*, or every problem in it."""
    return decode(DispatchConfig, data).bind(_checked)


def _checked(config: DispatchConfig) -> Result[DispatchConfig, tuple[Problem, ...]]:
    problems = (
        *_priority_problems(config),
        *_name_problems(config),
        *_cluster_problems(config),
        *_host_problems(config),
        *_chip_problems(("gres_mapping",), config.gres_mapping),
    )
    return Failure(problems) if problems else Success(config)


def _priority_problems(config: DispatchConfig) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in enumerate(config.priority):
        if name not in config.hosts:
            near = nearest(name, tuple(config.hosts))
            yield Problem(("priority", at), f"names no host: {name!r}{near}")
        elif name in seen:
            yield Problem(("priority", at), f"names the host {name!r} twice")
        seen.add(name)


def _name_problems(config: DispatchConfig) -> Iterator[Problem]:
    for section in ("clusters", "hosts"):
        names: Mapping[str, object] = getattr(config, section)
        for name in names:
            if not name or "/" in name or "," in name or has_control(name):
                yield Problem(
                    (section, name), "expected a name without '/', ',' or control characters"
                )


def _host_problems(config: DispatchConfig) -> Iterator[Problem]:
    for name, host in config.hosts.items():
        here = ("hosts", name)
        if host.cluster not in config.clusters:
            near = nearest(host.cluster, tuple(config.clusters))
            yield Problem((*here, "cluster"), f"names no cluster: {host.cluster!r}{near}")
        yield from _ssh_problems(here, host)
        yield from _chip_problems((*here, "chips"), host.chips or {})
        yield from _variable_problems(here, host.env, host.secrets)
        if isinstance(host, SlurmHost):
            yield from _slurm_problems(here, host)


def _cluster_problems(config: DispatchConfig) -> Iterator[Problem]:
    for name, cluster in config.clusters.items():
        yield from _variable_problems(("clusters", name), cluster.env, cluster.secrets)
        if ":" in (cluster.share or cluster.work):
            # the runtime is found there through PYTHONPATH, which colons separate
            key = "work" if cluster.share is None else "share"
            yield Problem(("clusters", name, key), "expected a path without ':'")


def _ssh_problems(here: Path, host: Host) -> Iterator[Problem]:
    if host.ssh is None and host.transport != "local":
        yield Problem(here, "lacks the key 'ssh' (only `transport: local` needs none)")
    if host.ssh is not None and (host.ssh.startswith("-") or has_control(host.ssh)):
        yield Problem((*here, "ssh"), "expected the name of an ssh host")


def _slurm_problems(here: Path, host: SlurmHost) -> Iterator[Problem]:
    yield from _chip_problems((*here, "gres_mapping"), host.gres_mapping)
    if not host.partitions:
        yield Problem((*here, "partitions"), "expected at least one partition")
    for key, partitions in (
        ("partitions", host.partitions),
        ("cpu_partitions", host.cpu_partitions),
    ):
        for at, partition in enumerate(partitions):
            if partition.chip is not None:
                yield from _chip_problem((*here, key, at, "chip"), partition.chip)


def _chip_problems(path: Path, chips: Mapping[str, object]) -> Iterator[Problem]:
    for chip in chips:
        yield from _chip_problem((*path, chip), chip)


def _chip_problem(path: Path, chip: str) -> Iterator[Problem]:
    if chip not in SUPPORTED_CHIPS:
        yield Problem(path, f"unknown chip {chip!r}{nearest(chip, tuple(SUPPORTED_CHIPS))}")


def _variable_problems(
    here: Path, env: Mapping[str, object], secrets: Mapping[str, object]
) -> Iterator[Problem]:
    for key, variables in (("env", env), ("secrets", secrets)):
        for name in variables:
            if (problem := variable_problem(name)) is not None:
                yield Problem((*here, key, name), problem)
