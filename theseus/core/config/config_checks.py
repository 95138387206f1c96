"""Checks of a config beyond its schema: names that must name something, keys that go together."""

import re
from collections.abc import Iterator, Mapping

from returns.pipeline import is_successful
from returns.result import Failure, Result

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.core.config.config import DispatchConfig, Host, SlurmHost
from theseus.core.config.decode import Path, Problem, decode, nearest, value_at
from theseus.core.config.fields import has_control, variable_problem
from theseus.core.config.mount import mount_problems
from theseus.core.config.secrets import Referenced, written
from theseus.core.values import frozen

_LABEL = re.compile(r"(gpu:)?[A-Za-z0-9_.-]+")


def decode_config(data: object) -> Result[DispatchConfig, tuple[Problem, ...]]:
    """The dispatch config in *data*, or every problem in it.

    What is wrong in one place hides nothing that is wrong in another: the rest is checked too.
    """
    decoded = decode(DispatchConfig, data)
    refused = () if is_successful(decoded) else decoded.failure()
    sound = decoded.value_or(None) or _sound_part(data, refused)
    names = _Names(data, _names_in(data, "clusters"), _names_in(data, "hosts"))
    found = () if sound is None else tuple(_problems(sound, names))
    problems = (*refused, *(each for each in found if not _follows(each, refused)))
    return Failure(problems) if problems else decoded


@frozen
class _Names:
    """What may be named: also the *clusters* and *hosts* that are wrong themselves.

    *data* is the config as it was read, which tells what came from the environment.
    """

    data: object
    clusters: tuple[str, ...]
    hosts: tuple[str, ...]

    def said(self, path: Path, name: str, known: tuple[str, ...]) -> str:
        """A *name* at *path* that is none of those *known*, for a message."""
        raw = value_at(self.data, path)
        return written(raw) if isinstance(raw, Referenced) else f"{name!r}{nearest(name, known)}"


def _names_in(data: object, section: str) -> tuple[str, ...]:
    names = data.get(section) if isinstance(data, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, Mapping) else ()


def _sound_part(data: object, problems: tuple[Problem, ...]) -> DispatchConfig | None:
    """The config without what *problems* are about; None when nothing can be made of the rest."""
    rest = data
    for problem in problems:
        rest = _without(rest, problem.path)
    if rest is data or rest == data:  # NaN is not equal to itself
        return None
    decoded = decode(DispatchConfig, rest)
    return decoded.unwrap() if is_successful(decoded) else _sound_part(rest, decoded.failure())


def _without(data: object, path: Path) -> object:
    """*data* without what *path* leads to; a list goes as a whole."""
    match data, path:
        case Mapping(), (first, *rest):
            left = {key: item for key, item in data.items() if str(key) != str(first)}
            inner = next((item for key, item in data.items() if str(key) == str(first)), None)
            kept = rest and isinstance(inner, Mapping)
            return {**left, first: _without(inner, tuple(rest))} if kept else left
        case _:
            return data


def _follows(problem: Problem, refused: tuple[Problem, ...]) -> bool:
    """Whether *problem* may only be there because something below it was taken out."""
    return any(each.path[: len(problem.path)] == problem.path for each in refused)


def _problems(config: DispatchConfig, names: _Names) -> Iterator[Problem]:
    yield from _priority_problems(config, names)
    yield from _name_problems(config)
    yield from _cluster_problems(config)
    yield from _host_problems(config, names)
    yield from _mapping_problems(("gres_mapping",), config.gres_mapping)


def _priority_problems(config: DispatchConfig, names: _Names) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in enumerate(config.priority):
        if name not in names.hosts:
            said = names.said(("priority", at), name, names.hosts)
            yield Problem(("priority", at), f"names no host: {said}")
        elif name in seen:
            said = names.said(("priority", at), name, ())
            yield Problem(("priority", at), f"names the host {said} twice")
        seen.add(name)


def _name_problems(config: DispatchConfig) -> Iterator[Problem]:
    for section in ("clusters", "hosts"):
        names: Mapping[str, object] = getattr(config, section)
        for name in names:
            if not name or "/" in name or "," in name or has_control(name):
                yield Problem(
                    (section, name), "expected a name without '/', ',' or control characters"
                )


def _host_problems(config: DispatchConfig, names: _Names) -> Iterator[Problem]:
    if not names.hosts:
        yield Problem(("hosts",), "expected at least one host")
    for name, host in config.hosts.items():
        here = ("hosts", name)
        if host.cluster not in names.clusters:
            said = names.said((*here, "cluster"), host.cluster, names.clusters)
            yield Problem((*here, "cluster"), f"names no cluster: {said}")
        yield from _ssh_problems(here, host)
        yield from _chip_problems((*here, "chips"), host.chips or {})
        yield from _variable_problems(here, host.env, host.secrets)
        if isinstance(host, SlurmHost):
            yield from _slurm_problems(here, host, names)


def _cluster_problems(config: DispatchConfig) -> Iterator[Problem]:
    for name, cluster in config.clusters.items():
        yield from _variable_problems(("clusters", name), cluster.env, cluster.secrets)
        if ":" in (cluster.share or cluster.work):
            # the runtime is found there through PYTHONPATH, which colons separate
            key = "work" if cluster.share is None else "share"
            yield Problem(("clusters", name, key), "expected a path without ':'")
        for key, problem in mount_problems(cluster):
            yield Problem(("clusters", name, key), problem)


def _ssh_problems(here: Path, host: Host) -> Iterator[Problem]:
    if host.ssh is None and host.transport != "local":
        yield Problem(here, "lacks the key 'ssh' (only `transport: local` needs none)")
    if host.ssh is not None and (
        not host.ssh.strip() or host.ssh.startswith("-") or has_control(host.ssh)
    ):
        yield Problem((*here, "ssh"), "expected the name of an ssh host")


def _slurm_problems(here: Path, host: SlurmHost, names: _Names) -> Iterator[Problem]:
    yield from _mapping_problems((*here, "gres_mapping"), host.gres_mapping)
    if not host.partitions:
        yield Problem((*here, "partitions"), "expected at least one partition")
    for key, partitions in (
        ("partitions", host.partitions),
        ("cpu_partitions", host.cpu_partitions),
    ):
        for at, partition in enumerate(partitions):
            chip, path = partition.chip, (*here, key, at, "chip")
            if chip is not None and chip not in SUPPORTED_CHIPS:
                said = names.said(path, chip, tuple(SUPPORTED_CHIPS))
                yield Problem(path, f"unknown chip {said}")


def _chip_problems(path: Path, chips: Mapping[str, object]) -> Iterator[Problem]:
    for chip in chips:
        if chip not in SUPPORTED_CHIPS:
            near = nearest(chip, tuple(SUPPORTED_CHIPS))
            yield Problem((*path, chip), f"unknown chip {chip!r}{near}")


def _mapping_problems(path: Path, mapping: Mapping[str, str]) -> Iterator[Problem]:
    yield from _chip_problems(path, mapping)
    for chip, label in mapping.items():
        if not _LABEL.fullmatch(label):
            yield Problem((*path, chip), "expected a GRES type such as h100 or gpu:h100")


def _variable_problems(
    here: Path, env: Mapping[str, object], secrets: Mapping[str, object]
) -> Iterator[Problem]:
    for key, variables in (("env", env), ("secrets", secrets)):
        for name in variables:
            if (problem := variable_problem(name)) is not None:
                yield Problem((*here, key, name), problem)
