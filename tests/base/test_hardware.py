"""Requests, clusters, machines."""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from theseus.base.chip import SUPPORTED_CHIPS, Chip
from theseus.base.hardware import (
    Cluster,
    ClusterMachine,
    HardwareRequest,
    HardwareResult,
    local,
)

H100, CPU = SUPPORTED_CHIPS["h100"], SUPPORTED_CHIPS["cpu"]


def test_a_request_is_written_as_in_the_manual() -> None:
    """The call in the user's guide gives a request that can be hashed, its lists as tuples."""
    request = HardwareRequest(
        chip=SUPPORTED_CHIPS["h100"],
        min_chips=8,
        preferred_clusters=["hpc"],
    )
    assert request.preferred_clusters == ("hpc",)
    assert request.forbidden_clusters == ()
    assert hash(request) == hash(HardwareRequest(H100, 8, ("hpc",)))


@pytest.mark.parametrize(
    ("request_", "mode"),
    [
        (HardwareRequest(chip=H100), "typed"),
        (HardwareRequest(), "generic"),
        (HardwareRequest(min_chips=0), "cpu"),
        (HardwareRequest(chip=H100, min_chips=0), "cpu"),
    ],
)
def test_a_request_has_one_of_three_modes(request_: HardwareRequest, mode: str) -> None:
    """A chip with a count is typed, a count alone generic, no count at all the CPU."""
    assert request_.mode == mode


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"min_chips": -1}, "min_chips is -1"),
        ({"chip": CPU}, "chip cpu is given with min_chips 1"),
        ({"chip": "h100"}, r"chip is 'h100', and no Chip: .*SUPPORTED_CHIPS\['h100'\]"),
        ({"chip": Chip("foo", "Foo", 0, ())}, "chip foo is none of SUPPORTED_CHIPS: cpu, "),
        ({"chip": Chip("foo", "Foo", 0, ()), "min_chips": 0}, "chip foo is none of"),
        ({"min_chips": 2.0}, "min_chips is 2.0, and no int"),
        ({"min_chips": True, "mem": "128G"}, "min_chips is True, .*; mem is '128G', and no int"),
        ({"preferred_clusters": "hpc"}, "preferred_clusters is 'hpc', and no list of names"),
        ({"forbidden_clusters": "hpc"}, "forbidden_clusters is 'hpc', and no list of names"),
        ({"preferred_clusters": ["a", "b"], "forbidden_clusters": ["b"]}, "b is in preferred"),
        ({"n_shards": 0}, "n_shards is 0"),
        ({"mem": -1}, "mem is -1"),
        ({"time": 0}, "time is 0"),
        ({"nodes": 0}, "nodes is 0"),
        ({"cpus": 0}, "cpus is 0"),
        ({"cpus": 0, "nodes": -2}, "nodes is -2, .*; cpus is 0"),
    ],
)
def test_a_wrong_request_is_refused(fields: dict[str, Any], said: str) -> None:
    """What cannot be asked for is said when the request is made, all of it at once."""
    with pytest.raises(ValueError, match=said):
        HardwareRequest(**fields)


def test_paths_of_a_cluster_have_defaults() -> None:
    """What is not given lies beneath root or work."""
    assert Cluster("lab", root="/store/", work="~/w") == Cluster(
        name="lab",
        root="/store/",
        work="~/w",
        log="~/w/logs",
        share="~/w/.dispatch",
        data="/store/data",
        checkpoints="/store/checkpoints",
        results="/store/results",
        status="/store/status",
    )
    assert Cluster("lab", "/r", "/w", log="/l", data="/d").log == "/l"
    assert Cluster("lab", "/", "/w").data == "/data"


def test_a_machine_holds_its_chips_for_good() -> None:
    """The chips of a machine cannot be changed afterwards; a machine can be hashed and pickled."""
    counts = {H100: 8}
    machine = ClusterMachine("n1", Cluster("lab", "/r", "/w"), counts)
    result = HardwareResult(H100, [machine], 8)
    counts[H100] = 1
    assert machine.resources == {H100: 8}
    assert len(machine.resources) == 1
    assert repr(machine.resources) == "{'h100': 8}"
    assert isinstance(machine.resources, Mapping)
    assert result.hosts == (machine,)
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own bytes
    assert len({result, HardwareResult(H100, (machine,), 8)}) == 1


def machine_with(directory: Path, answers: Path) -> dict[str, str]:
    """An environment whose nvidia-smi answers what a folder holds."""
    tool = directory / "nvidia-smi"
    tool.write_text(
        f'#!/bin/sh\nfile=query.csv\n[ "$1" = -L ] && file=list.txt\ncat "{answers}/$file"\n'
    )
    tool.chmod(0o755)
    visible = {key: text for key, text in os.environ.items() if not key.endswith("VISIBLE_DEVICES")}
    return {**visible, "PATH": f"{directory}:/usr/bin:/bin"}


def test_this_machine_is_what_its_tools_say(tmp_path: Path) -> None:
    """`local` gives the GPUs that nvidia-smi lists, within CUDA_VISIBLE_DEVICES."""
    environment = machine_with(tmp_path, Path(__file__).parent / "nvidia-smi" / "eight-gpus")
    code = (
        "from theseus.base.hardware import local; found = local('/r', '/w');"
        "print(found.chip.name, found.total_chips, found.hosts[0].resources == {found.chip: 2})"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "CUDA_VISIBLE_DEVICES": "1,2", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.split() == ["a100-sxm4-80gb", "2", "True"]


def test_this_machine_is_one_host() -> None:
    """`local` gives one host, named as the machine is, on a cluster with the paths given."""
    found = local("/r", "/w")
    assert len(found.hosts) == 1
    assert found.hosts[0].name == os.uname().nodename
    assert found.hosts[0].cluster == Cluster("local", "/r", "/w")
    assert found.total_chips >= 1
