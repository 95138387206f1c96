"""What a request without a chip turns out to be, from recorded answers of nvidia-smi."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.host import NO_TOOL, ROOT, Site, Source, payload
from theseus.base.node_list import expand_nodes
from theseus.runtime.hardware import finalized, hardware_result
from theseus.runtime.local import execution_spec, expanded_hardware
from theseus.runtime.payload import PayloadError
from theseus.runtime.processes import Processes, process_variables, processes

RECORDED = ROOT / "tests/base/nvidia-smi"
UNKNOWN = {"chip": None, "total_chips": 1}


def nvidia_smi(recorded: str, status: int = 0) -> str:
    """An nvidia-smi that answers as one once did."""
    answers = {
        name: shlex.quote(str(RECORDED / recorded / name)) for name in ("list.txt", "query.csv")
    }
    return (
        f"#!/bin/sh\ncase $1 in\n-L) cat {answers['list.txt']} ;;\n"
        f"*) cat {answers['query.csv']} ;;\nesac\nexit {status}\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recorded", "visible", "chip", "count"),
    [
        ("one-gpu", None, "h100", 1),
        ("eight-gpus", None, "a100-sxm4-80gb", 8),
        ("eight-gpus", "2,3", "a100-sxm4-80gb", 2),
        ("mig", None, "a100-sxm4-40gb", 4),
        ("none", None, "cpu", 1),
        ("driver-error", None, "cpu", 1),
        ("one-gpu", "", "cpu", 1),
        ("unknown-card", None, None, 1),
    ],
)
def test_hardware_is_finalized(
    site: Site, recorded: str, visible: str | None, chip: str | None, count: int
) -> None:
    """A generic request becomes the chips that this host shows, its cluster's paths kept."""
    # nvidia-smi ends with 9 when it cannot talk to the driver.
    site.tool("nvidia-smi", nvidia_smi(recorded, 9 if recorded == "driver-error" else 0))
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    site.lay(Source(hardware=UNKNOWN, variables=variables))
    assert site.run() == 0, site.log
    hardware = site.metadata["hardware"]
    assert (hardware["chip"], hardware["total_chips"]) == (chip, count)
    assert len(hardware["hosts"]) == 1
    assert hardware["cluster"]["work"] == str(site.home / "scratch")


@pytest.mark.slow
def test_a_named_chip_is_kept(site: Site) -> None:
    """A request that names its chip asks no tool."""
    site.tool("nvidia-smi", nvidia_smi("one-gpu"))
    site.lay(Source(hardware={"chip": "a40", "total_chips": 2, "chips_per_node": 2}))
    assert site.run() == 0
    assert (site.metadata["hardware"]["chip"], site.metadata["hardware"]["total_chips"]) == (
        "a40",
        2,
    )


FRAMEWORKS = {
    "torch": "class cuda:\n device_count = staticmethod(lambda: 2)\n"
    " get_device_name = staticmethod(lambda i: 'NVIDIA A40')\n",
    "jax": "class D:\n platform = 'gpu'\n device_kind = 'NVIDIA L4'\n"
    "def local_devices():\n return [D(), D(), D()]\n",
    "broken": "",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "chip", "count"), [("torch", "a40", 2), ("jax", "l4", 3), ("broken", "cpu", 1)]
)
def test_a_framework_is_asked(
    site: Site, tmp_path: Path, framework: str, chip: str, count: int
) -> None:
    """Where no tool answers, JAX or torch does if the environment has it."""
    site.tool("nvidia-smi", NO_TOOL)
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / f"{framework}.py").write_text(FRAMEWORKS[framework])
    for other in {"jax", "torch"} - {framework}:
        (packages / f"{other}.py").write_text(
            "raise ImportError" if framework == "broken" else NONE
        )
    site.lay(Source(hardware=UNKNOWN, variables={"PYTHONPATH": str(packages)}))
    assert site.run() == 0
    assert (site.metadata["hardware"]["chip"], site.metadata["hardware"]["total_chips"]) == (
        chip,
        count,
    )


NONE = "def local_devices():\n return []\nclass cuda:\n device_count = staticmethod(lambda: 0)\n"


def test_hardware_of_several_nodes() -> None:
    """What one node shows is taken to be on each."""
    hardware: dict[str, Any] = payload(Source(hardware=UNKNOWN))["hardware"]
    final = finalized(hardware, {"CUDA_VISIBLE_DEVICES": "", "PATH": ""}, Processes(("a", "b"), 1))
    assert final["total_chips"] == 2
    assert [host.name for host in hardware_result(final).hosts] == ["a", "b"]


def test_the_spec_of_a_process_among_others(tmp_path: Path) -> None:
    """Each process knows its index; only the first is main."""
    given = payload(
        Source(hardware={"chip": "h100", "total_chips": 16, "chips_per_node": 8, "n_shards": 4})
    )
    kinds = ("WORK", "DATA", "CHECKPOINT", "RESULTS")
    environment = {f"THESEUS_{kind}_DIR": str(tmp_path / kind) for kind in kinds}
    slurm = {"SLURM_STEP_NODELIST": "gpu[1-2]", "SLURM_PROCID": "1", "THESEUS_RESTART_COUNT": "3"}
    spec = execution_spec(given, {**environment, **slurm})
    assert spec.distributed
    assert not spec.is_main
    assert (spec.topology.device_count, spec.topology.replicas) == (16, 4)
    assert [host.name for host in spec.hosts] == ["gpu1", "gpu2"]
    assert spec.restart_count == 3


def test_a_spec_needs_directories() -> None:
    """Without the directories of a run there is no spec, and the missing variable is named."""
    with pytest.raises(PayloadError, match="THESEUS_WORK_DIR is not set"):
        execution_spec(payload(Source()), {})


def test_home_directories_are_expanded() -> None:
    """A path of the cluster that begins with ~/ lies in the home directory."""
    assert expanded_hardware(payload(Source()))["cluster"]["root"] == str(
        Path("~/store").expanduser()
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a,b-1", ("a", "b-1")),
        ("gpu[08-11]", ("gpu08", "gpu09", "gpu10", "gpu11")),
        ("r[1-2]n[1,3]x,z", ("r1n1x", "r1n3x", "r2n1x", "r2n3x", "z")),
    ],
)
def test_node_lists(text: str, names: tuple[str, ...]) -> None:
    """A SLURM node list is read as scontrol reads it."""
    assert expand_nodes(text) == names


def test_processes_agree_on_an_address() -> None:
    """Every node of a run computes the same address without asking another."""
    first, second = (
        process_variables(
            "r1", processes({"SLURM_STEP_NODELIST": "n[1-2]", "SLURM_PROCID": str(index)})
        )
        for index in range(2)
    )
    assert first["MASTER_ADDR"] == second["MASTER_ADDR"] == "n1"
    assert first["MASTER_PORT"] == second["MASTER_PORT"]
    assert first["JAX_COORDINATOR_ADDRESS"] == f"n1:{first['MASTER_PORT']}"
    assert (first["RANK"], second["RANK"], second["WORLD_SIZE"]) == ("0", "1", "2")
