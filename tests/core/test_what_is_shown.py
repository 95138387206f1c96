"""What is said of a config names no value that came from the environment, whatever key it is at."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from returns.pipeline import is_successful

from theseus.core.config.config import (
    ClusterConfig,
    DispatchConfig,
    Partition,
    PlainHost,
    SlurmHost,
)
from theseus.core.config.config_checks import decode_config
from theseus.core.config.decode import Path
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.request.request import AskedByFlags, AskedInJobConfig, BadKey, resolve_request

CANARIES = ("canary-7301", "-7301", "7301", "7301.5", "cana\x07ry-7301", "cana\0ry-7301")
SHOWN = {False: "${oc.env:CANARY}", True: "${oc.decode:${oc.env:CANARY}}"}
# the text itself may be a password or a secret in the wrong place: not even its form is shown
UNSHOWN = {"mount", "secrets"}


def config() -> dict[str, Any]:
    """A dispatch config with a host of each type."""
    return {
        "clusters": {"lab": {"root": "/r", "work": "/w"}},
        "hosts": {
            "box": {"type": "plain", "cluster": "lab", "ssh": "box"},
            "hpc": {
                "type": "slurm",
                "cluster": "lab",
                "ssh": "hpc",
                "partitions": [{"name": "gpu"}, "cpu"],
                "cpu_partitions": [{"name": "cpu"}],
            },
        },
        "priority": ["box"],
    }


def places() -> Iterator[Path]:
    """Every place of the schema where a value may stand: a key, an item of a list or a mapping."""
    for cls, place in (
        (DispatchConfig, ()),
        (ClusterConfig, ("clusters", "lab")),
        (PlainHost, ("hosts", "box")),
        (SlurmHost, ("hosts", "hpc")),
        (Partition, ("hosts", "hpc", "partitions", 0)),
        (Partition, ("hosts", "hpc", "cpu_partitions", 0)),
    ):
        for field in attrs.fields(cls):
            path: Path = (*place, field.name)
            yield path
            if "tuple" in str(field.type):
                yield (*path, 0)
            if "Mapping" in str(field.type):
                yield (*path, "h100")
                yield (*path, "lab")
    yield from (("hosts", name, "type") for name in ("box", "hpc"))


def with_value(data: Any, path: Path, value: object) -> Any:
    """*data* with *value* at *path*."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        items = data if isinstance(data, list) else []
        return [with_value(items[0] if items else None, tuple(rest), value), *items[1:]]
    inner = data if isinstance(data, dict) else {}
    return {**inner, first: with_value(inner.get(first), tuple(rest), value)}


@pytest.mark.parametrize("path", list(places()), ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("decoded", [False, True])
def test_config(path: Path, *, decoded: bool) -> None:
    """A wrong value in a dispatch config is shown as it is written there."""
    for canary in CANARIES:
        value = Referenced(canary, (EnvironmentSecret("CANARY"),), decoded=decoded)
        found = decode_config(with_value(config(), path, value))
        if is_successful(found):
            continue
        for problem in found.failure():
            assert "7301" not in problem.message
            if problem.path == path and "got" in problem.message and not UNSHOWN & set(path):
                assert SHOWN[decoded] in problem.message


@pytest.mark.parametrize("key", [field.name for field in attrs.fields(AskedInJobConfig)])
@pytest.mark.parametrize("decoded", [False, True])
def test_request(key: str, *, decoded: bool) -> None:
    """So is one in the request of a job config."""
    for canary in ("canary-7301", "-7301", "x0.7301"):
        value = Referenced(canary, (EnvironmentSecret("CANARY"),), decoded=decoded)
        (problem,) = resolve_request(AskedByFlags(), {"request": {key: value}}, ()).failure()
        assert isinstance(problem, BadKey)
        assert SHOWN[decoded] in problem.problem.message
        assert "7301" not in problem.problem.message


def test_names_that_name_nothing() -> None:
    """A name from the environment that names nothing is shown as it is written."""
    for path, said in (
        (("priority", 0), "names no host: ${oc.env:CANARY}"),
        (("hosts", "box", "cluster"), "names no cluster: ${oc.env:CANARY}"),
        (("hosts", "hpc", "partitions", 0, "chip"), "unknown chip ${oc.env:CANARY}"),
    ):
        value = Referenced("canary", (EnvironmentSecret("CANARY"),))
        (problem,) = decode_config(with_value(config(), path, value)).failure()
        assert (problem.path, problem.message) == (path, said)
    twice = Referenced("box", (EnvironmentSecret("CANARY"),))
    (problem,) = decode_config({**config(), "priority": ["box", twice]}).failure()
    assert problem.message == "names the host ${oc.env:CANARY} twice"


def test_numbers_from_the_environment() -> None:
    """A number is one when the config says so; if it does not, what to write is said."""
    path = ("hosts", "box", "cpus_per_task")
    text = Referenced("8", (EnvironmentSecret("CPUS"),))
    (problem,) = decode_config(with_value(config(), path, text)).failure()
    assert problem.message == (
        "expected a whole number above 0, got ${oc.env:CPUS}, which is text "
        "(a number from the environment is ${oc.decode:${oc.env:NAME}})"
    )
    number = attrs.evolve(text, decoded=True)
    host = decode_config(with_value(config(), path, number)).unwrap().hosts["box"]
    assert host.cpus_per_task == 8
    asked = {"min_chips": number, "mem": number, "time": Referenced("12h", ())}
    request = resolve_request(AskedByFlags(), {"request": asked}, ()).unwrap()
    assert (request.min_chips, request.mem, request.time) == (8, 8 * 2**20, 720)
