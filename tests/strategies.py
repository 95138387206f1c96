"""Strategies: any config, request, inventory, plan and text, as hypothesis draws them.

Written by hand, so that what they can draw is what can be. Small pools of names make it likely that
what is asked for is also there.
"""

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from returns.pipeline import is_successful

from theseus.base.chip import SUPPORTED_CHIPS, Chip
from theseus.base.hardware import HardwareRequest
from theseus.base.job import valid_name
from theseus.core.config.config import DispatchConfig
from theseus.core.config.config_checks import decode_config
from theseus.core.config.fields import variable_problem
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.inventory.inventory import (
    Gpu,
    HostSnapshot,
    Inventory,
    PlainSnapshot,
    Unreachable,
)
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment, Release
from theseus.core.plan.plan import Plan, Run
from theseus.core.plan.steps import Packaged
from theseus.core.source.source import (
    LfsPointers,
    SourceSnapshot,
    SubmoduleChanges,
    UncommittedChanges,
)

CHIPS = ("h100", "a100-sxm4-80gb", "l4")
UNKNOWN_GPUS = ("Frobnicator 9000", "Frobnicator 8000")
GIB = 2**30

any_text = st.text(max_size=30)
"""Text as a file or a value of Python's holds it: no surrogates."""

any_line = any_text.filter(lambda text: "\0" not in text)
"""Text as a config takes it: without NUL, which no command, path or variable can hold."""

any_string = st.text(st.characters(), max_size=30)
"""Whatever Python holds as a text: NUL and surrogates too."""

any_word = st.binary(max_size=30).filter(lambda word: b"\0" not in word).map(os.fsdecode)
"""A word of a command line: any bytes but NUL; those that are no UTF-8 are surrogates."""

names = st.text(
    st.characters(codec="utf-8", exclude_characters="/", exclude_categories=("Cc", "Zl", "Zp")),
    min_size=1,
    max_size=12,
).filter(lambda text: valid_name(text) is None)
"""Names that a run, a project and a group can have."""

keys = st.sampled_from(["lab", "hpc", "box", "it's", "two words", "é"])
"""Names of hosts and clusters."""

variables = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: variable_problem(name) is None
)
"""Names of variables of a job."""

some_variables = st.sampled_from(["A", "TOKEN", "WANDB_API_KEY", "uv_cache", "PATH"])
"""A few of these names: drawing them all anew for every plan takes long."""

hashes = st.sampled_from(["7ce5" * 10, "c0de" * 16])
uv_groups = st.lists(st.sampled_from(["train", "cuda-12.4", "Eval_1"]), max_size=2)

_controls = "".join(map(chr, (*range(0x20), 0x7F)))
_segments = st.text(
    st.characters(codec="utf-8", exclude_characters=f"/:{_controls}"), min_size=1, max_size=8
)


def paths() -> SearchStrategy[str]:
    """A path of a cluster: absolute, or beginning with `~/`."""
    starts = st.sampled_from(["/", "~/", "/store/", "~/it's here/"])
    return st.builds(str.__add__, starts, _segments)


def chips() -> SearchStrategy[Chip]:
    """A chip of the small pool."""
    return st.sampled_from([SUPPORTED_CHIPS[name] for name in CHIPS])


def any_values() -> SearchStrategy[Any]:
    """Whatever YAML can hold."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
        max_leaves=6,
    )


def _optional(**entries: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=entries)


_ASSIGNED = st.dictionaries(some_variables, any_line, max_size=2)
_REFERENCES = some_variables.map("env:{}".format) | any_line.map("file:/{}".format)
_SECRETS = st.dictionaries(some_variables, _REFERENCES, max_size=2)


@st.composite
def cluster_data(draw: st.DrawFn) -> dict[str, Any]:
    """A cluster as a config writes it."""
    more = draw(
        _optional(
            **{name: paths() for name in ("log", "share", "uv_cache")},
            env=_ASSIGNED,
            secrets=_SECRETS,
        )
    )
    return {"root": draw(paths()), "work": draw(paths()), **more}


@st.composite
def plain_host_data(draw: st.DrawFn, clusters: tuple[str, ...]) -> dict[str, Any]:
    """A plain host of one of *clusters* as a config writes it."""
    reached = draw(st.sampled_from([{"ssh": "alias"}, {"transport": "local"}]))
    more = draw(
        _optional(
            chips=st.dictionaries(st.sampled_from(CHIPS), st.integers(0, 8), max_size=3),
            mem=st.integers(1, 300).map(lambda gib: f"{gib}G"),
            cpus_per_task=st.integers(1, 64),
            uv_groups=uv_groups,
            env=_ASSIGNED,
            secrets=_SECRETS,
            setup=st.lists(any_line, max_size=2),
            modules=st.lists(any_line, max_size=2),
        )
    )
    return {"type": "plain", "cluster": draw(st.sampled_from(clusters)), **reached, **more}


@st.composite
def config_data(draw: st.DrawFn) -> dict[str, Any]:
    """A consistent config of plain hosts, as YAML holds it."""
    clusters = draw(st.dictionaries(keys, cluster_data(), min_size=1, max_size=2))
    hosts = draw(st.dictionaries(keys, plain_host_data(tuple(clusters)), min_size=1, max_size=3))
    priority = draw(st.lists(st.sampled_from(sorted(hosts)), unique=True))
    return {"priority": priority, "clusters": clusters, "hosts": hosts}


def configs() -> SearchStrategy[DispatchConfig]:
    """A config of plain hosts."""
    return config_data().map(lambda data: decode_config(data).unwrap())


@st.composite
def requests(draw: st.DrawFn, clusters: tuple[str, ...] = ()) -> HardwareRequest:
    """A request that may prefer or forbid some of *clusters*."""
    min_chips = draw(st.integers(0, 6))
    sides = draw(st.lists(st.sampled_from(["", "", "", "preferred", "forbidden"]), max_size=2))
    picked = dict(zip(clusters, sides, strict=False))
    return HardwareRequest(
        chip=draw(st.none() | chips()) if min_chips else None,
        min_chips=min_chips,
        preferred_clusters=[name for name, side in picked.items() if side == "preferred"],
        forbidden_clusters=[name for name, side in picked.items() if side == "forbidden"],
        n_shards=draw(st.none() | st.integers(1, 8)),
        mem=draw(st.none() | st.integers(1, 300 * GIB)),
        time=draw(st.none() | st.integers(1, 10_000)),
        nodes=draw(st.sampled_from([None, None, 1, 2])),
        cpus=draw(st.none() | st.integers(1, 64)),
        queue=draw(st.booleans()),
    )


@st.composite
def gpus(draw: st.DrawFn) -> Gpu:
    """One GPU; its uuid is given by `plain_snapshots`."""
    name = draw(st.sampled_from([*CHIPS, *UNKNOWN_GPUS]))
    chip = name if name in CHIPS else None
    return Gpu("", name, chip, draw(st.integers(0, 80 * GIB)), draw(st.booleans()))


def numbered(found: list[Gpu]) -> tuple[Gpu, ...]:
    """GPUs with a uuid each."""
    return tuple(
        Gpu(f"GPU-{at}", each.name, each.chip, each.memory, each.busy)
        for at, each in enumerate(found)
    )


def plain_snapshots() -> SearchStrategy[PlainSnapshot]:
    """What a plain host says of itself."""
    return st.builds(
        PlainSnapshot,
        gpus=st.lists(gpus(), max_size=6).map(numbered),
        cpus=st.integers(1, 64),
        memory_available=st.integers(1, 300 * GIB),
        broken=st.none() | st.just("nvidia-smi: driver mismatch"),
    )


def snapshots() -> SearchStrategy[HostSnapshot]:
    """What a host that was asked says, or that it says nothing."""
    return plain_snapshots() | st.builds(Unreachable, any_text)


def inventories(config: DispatchConfig) -> SearchStrategy[Inventory]:
    """What some of the hosts of *config* say."""
    hosts = st.fixed_dictionaries({}, optional={name: snapshots() for name in config.hosts})
    return hosts.map(Inventory)


_WARNINGS = st.one_of(
    [
        st.builds(kind, st.integers(1, 9), any_word)
        for kind in (UncommittedChanges, SubmoduleChanges, LfsPointers)
    ]
)
_PARTS = any_word.filter(lambda word: word not in {"", ".", ".."} and "/" not in word)


def sources() -> SearchStrategy[SourceSnapshot]:
    """A source snapshot."""
    return st.builds(
        SourceSnapshot,
        tree=hashes,
        commit=st.none() | hashes,
        dirty=st.booleans(),
        subdirectory=st.lists(_PARTS, max_size=2).map("/".join),
        repository=any_word,
        uncommitted=st.integers(0, 9),
        warnings=st.lists(_WARNINGS, max_size=2).map(tuple),
    )


def referenced() -> SearchStrategy[Referenced]:
    """A text with parts from the environment."""
    parts = st.lists(
        any_text | st.builds(EnvironmentSecret, some_variables), min_size=1, max_size=3
    )
    return st.builds(Referenced, any_text, parts.map(tuple))


def job_values() -> SearchStrategy[Mapping[str, Any]]:
    """What a job config holds when it is read."""
    return st.dictionaries(any_text, any_values() | referenced(), max_size=2)


@st.composite
def assignments(draw: st.DrawFn) -> Assignment:
    """What is to be run."""
    run = Run("20260101-120000-abcdef", draw(names), draw(names), draw(names), "nanolm/train")
    environment = draw(
        st.lists(st.tuples(some_variables, any_word), max_size=3, unique_by=lambda pair: pair[0])
    )
    return Assignment(
        run,
        Job("nanolm/train", "nanolm.jobs", ("src", ".")),
        draw(job_values()),
        tuple(environment),
        tuple(draw(uv_groups)),
    )


RELEASE = Release(
    "1.2.3",
    bootstrap=Packaged("sh/bootstrap.sh", "b0" * 32),
    batch=Packaged("sh/batch.sh", "ba" * 32),
    runtime=Packaged("runtime.zip", "a1" * 32),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """All that is known when a plan is made."""
    config = draw(configs())
    return World(config, draw(inventories(config)), draw(sources()), RELEASE)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan of a drawn request, or of a CPU request without an inventory, which always fits."""
    world, assignment = draw(worlds()), draw(assignments())
    made = build_plan(world, draw(requests(tuple(world.config.clusters))), assignment)
    if is_successful(made):
        return made.unwrap()
    unasked = World(world.config, Inventory(), world.source, world.release)
    return build_plan(unasked, HardwareRequest(min_chips=0), assignment).unwrap()
