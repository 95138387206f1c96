"""Decoding: a config that is wrong anywhere is refused with every problem at its path."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest
from attrs import frozen
from hypothesis import example, given
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Success

from tests.strategies import any_text, any_values, config_data
from theseus.core.config.config import (
    ClusterConfig,
    DispatchConfig,
    Partition,
    PlainHost,
    SlurmHost,
)
from theseus.core.config.config_checks import decode_config
from theseus.core.config.decode import Path, decode, nearest, nearest_or_all, show_path, show_value
from theseus.core.config.secrets import EnvironmentSecret, Referenced

FULL: dict[str, Any] = {
    "priority": ["box"],
    "notify": ["say", "done"],
    "gres_mapping": {"h100": "h100_80gb"},
    "clusters": {
        "lab": {
            **{name: f"/{name}" for name in ("root", "work", "log", "share", "data")},
            **{name: f"~/{name}" for name in ("checkpoints", "results", "status", "uv_cache")},
            "mount": "redis://:pw@meta:6379/1",
            "cache_size": "100G",
            "cache_dir": "/fast",
            "all_squash": "1000:1000",
            "juicefs": {"url": "https://example.org/juicefs", "sha256": "ab" * 32},
            "env": {"A": "x"},
            "secrets": {"B": "env:B"},
        }
    },
    "hosts": {
        "box": {
            "type": "plain",
            "cluster": "lab",
            "ssh": "box",
            "transport": "asyncssh",
            "connections_per_minute": 5,
            "uv_groups": ["train"],
            "chips": {"h100": 8},
            "leases": "/srv/leases",
            "mem": "128G",
            "time": "12h",
            "cpus_per_task": 8,
            "env": {"A": "x"},
            "secrets": {"B": "file:~/b"},
            "setup": ["true"],
            "modules": ["cuda"],
            "notify": ["say", "box"],
        },
        "login": {
            "type": "slurm",
            "cluster": "lab",
            "ssh": "login",
            "transport": "auto",
            "connections_per_minute": 30,
            "notify": ["say", "login"],
            "partitions": [
                "gpu",
                {
                    "name": "big",
                    "default": True,
                    "constraint": "nvlink",
                    "chip": "h100",
                    "time": "1-00:00:00",
                },
            ],
            "cpu_partitions": [{"name": "cpu"}],
            "account": "ml",
            "qos": "high",
            "mem": 1024,
            "time": 90,
            "cpus_per_task": 8,
            "constraint": "ib",
            "exclude": ["n1"],
            "chips": {"h100": 8},
            "gres_mapping": {"h100": "gpu:h100"},
            "sbatch": ["--comment=x"],
            "uv_groups": ["train"],
            "env_on": "login",
            "env": {"A": "x"},
            "secrets": {"B": "cmd:pass b"},
            "setup": ["true"],
            "modules": ["cuda"],
        },
    },
}
PLACES: Mapping[type, tuple[Path, ...]] = {
    DispatchConfig: ((),),
    ClusterConfig: (("clusters", "lab"),),
    PlainHost: (("hosts", "box"),),
    SlurmHost: (("hosts", "login"),),
    Partition: (("hosts", "login", "partitions", 1), ("hosts", "login", "cpu_partitions", 0)),
}
# what stands for each kind of value that YAML has; only a key that takes it may hold it
KINDS: Mapping[str, Any] = {
    "text": "?!",
    "number": 22.5,
    "true or false": True,
    "list": [[]],
    "mapping": {"?!": []},
    "negative": -1,
}
OPEN = {  # any text will do for these
    *("name", "constraint", "account", "qos", "all_squash", "ssh", "cluster", "chip"),
}


def keys() -> Iterator[tuple[Path, Any]]:
    """Every key of the schema, as a path into `FULL`, with its annotation."""
    for cls, places in PLACES.items():
        hints = get_type_hints(cls, include_extras=True)
        for field in attrs.fields(cls):
            for place in places:
                yield (*place, field.name), hints[field.name]


KEYS = tuple(keys())
PATHS = tuple(path for path, _ in KEYS)


def wrong(name: str, annotation: Any) -> list[Any]:
    """Values that the key *name* of this *annotation* cannot have."""
    kinds = dict(KINDS)
    if name in OPEN:
        del kinds["text"]
    if name == "default":
        del kinds["true or false"]
    if Mapping in {get_origin(each) for each in (annotation, *get_args(annotation))}:
        # an empty mapping is fine; one with a wrong value is not
        kinds["mapping"] = {"A": {}}
    return list(kinds.values())


def replaced(path: Path, value: Any) -> dict[str, Any]:
    """`FULL` with *value* at *path*."""
    data: Any = deepcopy(FULL)
    at = data
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    whole: dict[str, Any] = data
    return whole


def test_full_is_whole() -> None:
    """The config that the tests below change holds every key of the schema, and is fine."""
    assert is_successful(decode_config(FULL))
    for path in PATHS:
        at: Any = FULL
        for key in path[:-1]:
            at = at[key]
        assert path[-1] in at or path[:-1] == ("hosts", "login", "cpu_partitions", 0), path


@pytest.mark.parametrize(("path", "annotation"), KEYS, ids=map(show_path, PATHS))
def test_wrong_value(path: Path, annotation: Any) -> None:
    """A value of the wrong kind is reported at the path of its key."""
    for value in wrong(str(path[-1]), annotation):
        problems = decode_config(replaced(path, value)).failure()
        assert any(problem.path[: len(path)] == path for problem in problems), (value, problems)
        assert all(problem.message for problem in problems)


@pytest.mark.parametrize(
    "path",
    [("clusters", "lab"), ("hosts", "box"), ("hosts", "box", "type"), ("hosts", "login", "type")],
    ids=show_path,
)
def test_wrong_section(path: Path) -> None:
    """What should be a cluster, a host or a type of host and is none is reported."""
    for value in [*KINDS.values(), None]:
        assert path in {problem.path for problem in decode_config(replaced(path, value)).failure()}


def test_host_without_type() -> None:
    """A host that does not say its type is asked for one."""
    (problem,) = decode_config(replaced(("hosts", "box"), {"cluster": "lab"})).failure()
    assert problem.message == "lacks the key 'type' (plain or slurm)"


@pytest.mark.parametrize("path", PATHS, ids=show_path)
def test_missing_value(path: Path) -> None:
    """A key without a value is a key that was left out: said where it must be there."""
    decoded = decode_config(replaced(path, None))
    required = {"clusters", "hosts", "root", "work", "cluster", "partitions", "name", "ssh"}
    if path[-1] in required:
        problems = decoded.failure()
        assert [problem.path for problem in problems] == [path[:-1]]
        assert f"lacks the key {path[-1]!r}" in problems[0].message
    else:
        assert is_successful(decoded)


@pytest.mark.parametrize(
    "place", [place for places in PLACES.values() for place in places], ids=show_path
)
def test_unknown_key(place: Path) -> None:
    """An unknown key is reported at its path, whatever it is."""
    for key in ("naem", 7):
        (problem,) = decode_config(replaced((*place, key), 1)).failure()
        assert problem.path == (*place, str(key))
        assert problem.message.startswith("unknown key")


@given(st.sets(st.sampled_from(PATHS), min_size=1))
def test_all_at_once(paths: set[Path]) -> None:
    """However many values are wrong, each of them is reported."""
    data: Any = deepcopy(FULL)
    # a list is right nowhere; inner keys first, for they are gone when an outer one is replaced
    for path in sorted(paths, key=len, reverse=True):
        at = data
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = [[]]
    outer = {path for path in paths if not any(path[:n] in paths for n in range(len(path)))}
    reported = {problem.path for problem in decode_config(data).failure()}
    for path in outer:
        assert any(found[: len(path)] == path for found in reported)


@st.composite
def mutilated(draw: st.DrawFn) -> Any:
    """A config in which some value, at any depth, was replaced, removed or renamed."""
    data = draw(st.just(FULL) | config_data())
    return _mutilate(draw, deepcopy(data))


def _mutilate(draw: st.DrawFn, data: Any) -> Any:
    if isinstance(data, dict) and data:
        key = draw(st.sampled_from(sorted(data)))
        match draw(st.sampled_from(["deeper", "deeper", "deeper", "replace", "remove", "rename"])):
            case "deeper":
                return {**data, key: _mutilate(draw, data[key])}
            case "replace":
                return {**data, key: draw(any_values())}
            case "remove":
                return {name: value for name, value in data.items() if name != key}
            case _:
                return {draw(any_text) if name == key else name: data[name] for name in data}
    if isinstance(data, list) and data:
        return [*data[:-1], _mutilate(draw, data[-1])]
    return draw(any_values())


@given(mutilated())
def test_mutilated(data: Any) -> None:
    """Whatever happened to a config, it decodes or its problems are said: nothing is raised."""
    decoded = decode_config(data)
    if not is_successful(decoded):
        assert decoded.failure()
        assert all(problem.message for problem in decoded.failure())


@given(any_values())
@example(float("nan"))
def test_anything(data: Any) -> None:
    """Data that is no config at all is refused at its top."""
    problems = decode_config(data).failure()
    assert all(len(problem.path) <= 1 for problem in problems)


@given(config_data())
def test_config(data: dict[str, Any]) -> None:
    """What is written in a config is what the config says."""
    config = decode_config(data).unwrap()
    assert list(config.hosts) == list(data["hosts"])
    assert list(config.priority) == data["priority"]
    for name, written in data["hosts"].items():
        host = config.hosts[name]
        assert isinstance(host, PlainHost)
        assert host.cluster == written["cluster"]
        assert dict(host.env) == written.get("env", {})
        assert list(host.setup) == written.get("setup", [])
    order = config.hosts_by_preference()
    assert sorted(order) == sorted(config.hosts)
    assert order[: len(config.priority)] == config.priority


@frozen
class _Sample:
    number: float
    whole: int
    text: str
    there: bool = False


def test_scalars() -> None:
    """Nothing is coerced, but a whole number is a fine number and the environment gives text."""
    text = Referenced("x", (EnvironmentSecret("X"),))
    sample = {"number": 1, "whole": 2, "text": text, "there": True}
    assert decode(_Sample, sample) == Success(_Sample(1, 2, "x", there=True))
    problems = decode(_Sample, {"number": True, "whole": 2.0, "text": 1}).failure()
    assert [problem.path for problem in problems] == [("number",), ("whole",), ("text",)]
    (problem,) = decode(_Sample, {"number": 1, "whole": 2, "text": "a\0"}).failure()
    assert problem.message == "holds a NUL character or half a surrogate pair"


def test_keys_of_mappings_are_texts() -> None:
    """A key that YAML reads as a number is reported, not turned into text."""
    (problem,) = decode_config(replaced(("hosts", "box", "chips"), {100: 8})).failure()
    assert problem.path == ("hosts", "box", "chips", "100")
    assert problem.message == "expected text as a key, got a whole number 100"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        ({}, "a mapping"),
        ([], "a list"),
        ((), "a list"),
        ("x", "text 'x'"),
        (Referenced("secret", ("a ", EnvironmentSecret("A"))), "a ${oc.env:A}"),
        (b"", "bytes b''"),
    ],
)
def test_show_value(value: object, shown: str) -> None:
    """A wrong value is named by its kind, and text from the environment is not repeated."""
    assert show_value(value) == shown


def test_nearest() -> None:
    """A close name is suggested, and nothing otherwise."""
    assert nearest("prioritty", ("priority", "hosts")) == "; did you mean 'priority'?"
    assert nearest("x", ("priority", "hosts")) == ""
    chips = ("a10", "a100-sxm4-80gb", "a100-pcie-40gb")
    longer = "; did you mean 'a100-sxm4-80gb' or 'a100-pcie-40gb'?"
    assert nearest("A100", chips) == longer, "what was begun is nearer than what looks alike"
    assert nearest_or_all("host", ("priority", "hosts")) == "; did you mean 'hosts'?"
    assert nearest_or_all("x", ("priority", "hosts")) == "; known are priority, hosts"
