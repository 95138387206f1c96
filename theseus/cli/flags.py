"""Flags: what `plan` and `submit` share, as the specification names them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter, Token

_WHOLE = re.compile(r"[+-]?[0-9]+")


def whole_number(_: type, tokens: Sequence[Token]) -> int:
    """The number that a word says; cyclopts by itself reads `1.5` as 2."""
    (token,) = tokens
    if not _WHOLE.fullmatch(token.value):
        raise ValueError(f"expected a whole number, got {token.value!r}")
    return int(token.value)


List = Parameter(consume_multiple=False, negative="", show_default=False)
Switch = Parameter(negative="", show_default=False)
Whole = Parameter(converter=whole_number)


@Parameter(name="*")
@dataclass(frozen=True)
class Flags:
    """What is wanted, and from where.

    Parameters
    ----------
    dispatch_config
        Dispatch config (default: ~/.theseus.yaml).
    chip
        Chip that is wanted, such as h100; any kind when left out.
    n_chips
        How many chips; 0 for CPUs alone (default: request.min_chips, else 1).
    mem
        Memory, such as 128G.
    time
        Time limit, such as 90m, 12h or 1-06:00:00.
    nodes
        Number of nodes (default: as few as hold the chips).
    cpus
        CPUs for each task.
    n_shards
        Over how many chips the model is split.
    cluster
        Only these clusters (repeat, or separate by commas).
    exclude_cluster
        Never these clusters.
    dirty
        Ship uncommitted and untracked files too.
    job
        Key of the job (default: `job:` of the job config).
    project
        Project of the run (default: the repository's name).
    group
        Group of the run (default: `default`).
    env
        Variable for the job, as NAME=VALUE (repeat for more).
    uv_group
        Dependency group to install, besides the host's (repeat for more).
    load
        Module whose jobs are known too (repeat for more).
    queue
        Wait for a turn on a plain host whose GPUs are taken, first come first served.
    after
        Run that must have completed first (id, part of one, or name), on the same cluster.
    """

    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None
    chip: Annotated[str | None, Parameter(name="--chip")] = None
    n_chips: Annotated[int | None, Parameter(name=("--n_chips", "--n-chips", "-n")), Whole] = None
    mem: str | None = None
    time: str | None = None
    nodes: Annotated[int | None, Whole] = None
    cpus: Annotated[int | None, Whole] = None
    n_shards: Annotated[int | None, Parameter(name=("--n_shards", "--n-shards")), Whole] = None
    cluster: Annotated[tuple[str, ...], List] = ()
    exclude_cluster: Annotated[
        tuple[str, ...], Parameter(name=("--exclude-cluster", "--exclude_cluster")), List
    ] = ()
    dirty: Annotated[bool, Switch] = False
    job: Annotated[str | None, Parameter(name=("--job", "-j"))] = None
    project: Annotated[str | None, Parameter(name=("--project", "-p"))] = None
    group: Annotated[str | None, Parameter(name=("--group", "-g"))] = None
    env: Annotated[tuple[str, ...], List] = ()
    uv_group: Annotated[tuple[str, ...], List] = ()
    load: Annotated[tuple[str, ...], List] = ()
    queue: Annotated[bool, Switch] = False
    after: str | None = None
