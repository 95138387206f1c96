"""Finding chips, from what nvidia-smi and rocm-smi print."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.detect import (
    NVIDIA_LIST,
    NVIDIA_QUERY,
    ROCM_QUERY,
    Device,
    RunTool,
    detect,
    divided,
    parse_mig,
    parse_nvidia_query,
    parse_rocm_query,
    run_tool,
    visible,
)

HERE = Path(__file__).parent
CPU = (SUPPORTED_CHIPS["cpu"], 1)


def recorded(tool: str, name: str) -> str:
    """An answer kept in a file."""
    return (HERE / tool / name).read_text()


def nvidia(case: str) -> RunTool:
    """A machine whose nvidia-smi answers as in a folder, and which has no rocm-smi."""
    answers = {
        NVIDIA_QUERY: recorded("nvidia-smi", f"{case}/query.csv"),
        NVIDIA_LIST: recorded("nvidia-smi", f"{case}/list.txt"),
    }
    return lambda argv: answers.get((argv[0], *argv[1:]))


def rocm(case: str) -> RunTool:
    """A machine whose rocm-smi answers as in a file, and which has no nvidia-smi."""
    return lambda argv: recorded("rocm-smi", f"{case}.json") if argv[0] == "rocm-smi" else None


def nothing(_argv: Sequence[str]) -> None:
    """A machine without either tool, or with tools that fail."""


EIGHT = [
    device.uuid for device in parse_nvidia_query(recorded("nvidia-smi", "eight-gpus/query.csv"))
]
SLICES = [
    "MIG-a6ba5c5f-1e2b-5a0d-9c4e-2f3b5d6e7f80",
    "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f",
    "MIG-0f4c2a3e-7b1d-5e8f-a0c9-13579bdf2468",
]


@pytest.mark.parametrize(
    ("case", "visible_devices", "chip", "count"),
    [
        ("one-gpu", None, "h100", 1),
        ("one-gpu", "0", "h100", 1),
        ("one-gpu", "GPU-5f1c", "h100", 1),
        ("one-gpu", "7", "cpu", 1),
        ("eight-gpus", None, "a100-sxm4-80gb", 8),
        ("eight-gpus", "0,1,2,3", "a100-sxm4-80gb", 4),
        ("eight-gpus", " 2 , 5 ", "a100-sxm4-80gb", 2),
        ("eight-gpus", "3,3", "a100-sxm4-80gb", 1),
        ("eight-gpus", "1,-1,2", "a100-sxm4-80gb", 1),
        ("eight-gpus", f"{EIGHT[6]},{EIGHT[1].upper().replace('GPU', 'GPU')}", "a100-sxm4-80gb", 2),
        ("eight-gpus", "", "cpu", 1),
        ("eight-gpus", "NoDevFiles", "cpu", 1),
        ("eight-gpus", "-1", "cpu", 1),
        ("mig", None, "a100-sxm4-40gb", 4),
        ("mig", SLICES[1], "a100-sxm4-40gb", 1),
        ("mig", ",".join(SLICES), "a100-sxm4-40gb", 3),
        ("mig", "1", "a100-sxm4-40gb", 1),
        ("mig", "MIG-00000000-0000-0000-0000-000000000000", "cpu", 1),
        ("none", None, "cpu", 1),
        ("driver-error", None, "cpu", 1),
        ("unknown-card", None, None, 1),
        ("unified-memory", None, "gb10", 1),
        ("two-kinds", None, None, 2),
        ("two-kinds", "1", "a6000", 1),
    ],
)
def test_nvidia_chips(case: str, visible_devices: str | None, chip: str | None, count: int) -> None:
    """Chip and count are those of the GPUs that CUDA_VISIBLE_DEVICES leaves."""
    environment = {} if visible_devices is None else {"CUDA_VISIBLE_DEVICES": visible_devices}
    expected = None if chip is None else SUPPORTED_CHIPS[chip]
    assert detect(environment, nvidia(case)) == (expected, count)


@pytest.mark.parametrize(
    ("case", "environment", "chip", "count"),
    [
        ("mi300x", {}, "mi300x", 2),
        ("mi300x", {"ROCR_VISIBLE_DEVICES": "1"}, "mi300x", 1),
        ("mi300x", {"ROCR_VISIBLE_DEVICES": "GPU-9b3e1c7f52a04d68"}, "mi300x", 1),
        ("mi300x", {"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "0,1"}, "mi300x", 1),
        ("mi300x", {"CUDA_VISIBLE_DEVICES": ""}, "cpu", 1),
        ("mi210-rocm5", {}, "mi210", 1),
        ("desktop", {}, None, 1),
    ],
)
def test_amd_chips(case: str, environment: Mapping[str, str], chip: str | None, count: int) -> None:
    """Where nvidia-smi has nothing, rocm-smi is asked, within the variables that ROCm reads."""
    expected = None if chip is None else SUPPORTED_CHIPS[chip]
    assert detect(environment, rocm(case)) == (expected, count)


def test_a_machine_without_tools_is_a_cpu() -> None:
    """No tool, no GPU: one CPU."""
    assert detect({}, nothing) == CPU


@pytest.mark.parametrize("answer", ["", "no such option", "{", "{}"])
def test_an_odd_answer_is_no_gpu(answer: str) -> None:
    """Neither an empty answer nor a broken one makes a GPU."""
    assert detect({}, lambda _argv: answer) == CPU


def test_a_device_is_read_in_full() -> None:
    """Index, uuid, name and both figures of memory are read, in bytes."""
    (device,) = parse_nvidia_query(recorded("nvidia-smi", "one-gpu/query.csv"))
    uuid = "GPU-5f1c0f3a-9d4e-6c1b-8f6a-2b7d1e0c4a59"
    assert device == Device(0, uuid, "NVIDIA H100 80GB HBM3", 81559 * 2**20, 4 * 2**20)
    assert device.chip == SUPPORTED_CHIPS["h100"]
    assert parse_nvidia_query(recorded("nvidia-smi", "unified-memory/query.csv"))[0].memory is None


def test_an_amd_device_is_read_in_full() -> None:
    """The uuid is what ROCR_VISIBLE_DEVICES takes: the index where a device has no id."""
    first, second = parse_rocm_query(recorded("rocm-smi", "mi300x.json"))
    used = 297721856
    name = "AMD Instinct MI300X OAM"
    assert first == Device(0, "GPU-9b3e1c7f52a04d68", name, 206141652992, used)
    assert second.index == 1
    (old,) = parse_rocm_query(recorded("rocm-smi", "mi210-rocm5.json"))
    assert (old.uuid, old.name, old.memory) == ("0", "AMD INSTINCT MI210", 68702699520)
    assert parse_rocm_query(recorded("rocm-smi", "desktop.json"))[0].memory is None


def test_no_devices_is_an_answer() -> None:
    """A driver without a GPU answers with none, which is no error."""
    assert parse_nvidia_query(recorded("nvidia-smi", "none/query.csv")) == ()


def test_a_driver_error_is_told_in_its_own_words() -> None:
    """An answer that is no list is raised with what the tool said."""
    with pytest.raises(ValueError, match="nvidia-smi answered: NVIDIA-SMI has failed because it"):
        parse_nvidia_query(recorded("nvidia-smi", "driver-error/query.csv"))
    with pytest.raises(ValueError, match="rocm-smi answered: nothing"):
        parse_rocm_query("")


def test_mig_instances_belong_to_their_gpu() -> None:
    """A divided GPU is known by its uuid, and an undivided one is not in the list."""
    found = parse_mig(recorded("nvidia-smi", "mig/list.txt"))
    assert found == {"GPU-36c9561a-02ef-5c4d-3733-f0a56c42dc45": tuple(SLICES)}
    assert parse_mig(f"a banner\n(UUID: x)\n{recorded('nvidia-smi', 'one-gpu/list.txt')}") == {}


def test_an_instance_keeps_index_and_name_of_its_gpu() -> None:
    """An instance is a device of its own, without the figures of the whole GPU."""
    whole = Device(3, "GPU-x", "NVIDIA A30", 24 * 2**30, 0)
    parts = divided([whole], {"GPU-x": ("MIG-y", "MIG-z")})
    assert parts == (Device(3, "MIG-y", "NVIDIA A30"), Device(3, "MIG-z", "NVIDIA A30"))
    assert divided([whole], {}) == (whole,)


@given(
    st.lists(st.integers(0, 9), unique=True),
    st.none() | st.lists(st.integers(-1, 9).map(str) | st.text(max_size=4)).map(",".join),
)
def test_a_selection_only_takes_away(indexes: list[int], selection: str | None) -> None:
    """Whatever the variable holds, each device is offered once at most, and no other."""
    devices = [Device(index, f"GPU-{index}", "NVIDIA L4") for index in indexes]
    left = visible(devices, selection)
    assert len(set(left)) == len(left)
    assert set(left) <= set(devices)
    assert selection is not None or left == tuple(devices)


def script(directory: Path, text: str) -> list[str]:
    """A tool that is a shell script."""
    tool = directory / "tool"
    tool.write_text(f"#!/bin/sh\n{text}\n")
    tool.chmod(0o755)
    return [str(tool)]


def test_a_tool_is_really_run(tmp_path: Path) -> None:
    """What a tool prints comes back, odd bytes included, and its complaints do not."""
    assert run_tool(script(tmp_path, "printf 'a\\377b'; echo no >&2")) == "a\ufffdb"


def test_a_tool_that_fails_has_no_answer(tmp_path: Path) -> None:
    """A status other than 0, a missing tool, and one that hangs are all no answer."""
    assert run_tool(script(tmp_path, "echo x; exit 9")) is None
    assert run_tool([str(tmp_path / "none")]) is None
    assert run_tool(script(tmp_path, "exec sleep 5"), seconds=0.1) is None


def test_the_query_for_amd_is_complete() -> None:
    """One call asks for name, id and memory."""
    assert ROCM_QUERY[-1] == "--json"
    assert {"--showproductname", "--showuniqueid", "--showmeminfo"} <= set(ROCM_QUERY)
