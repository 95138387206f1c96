"""Which GPUs may be leased: by the plan's word and what the driver lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from theseus.runtime.leasable import Leasable, in_use, leasable

RECORDED = Path(__file__).parents[1] / "base"
CUDA, ROCR = "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
TWO_KINDS = (RECORDED / "nvidia-smi/two-kinds/query.csv").read_text()
A100 = TWO_KINDS.split(", ")[1]
MI300X = (RECORDED / "rocm-smi/mi300x.json").read_text()


def tools(query: str | None = None, rocm: str | None = None, held: str = "") -> Any:
    """Drivers that say this."""

    def run(argv: Sequence[str]) -> str | None:
        if argv[0] == "rocm-smi":
            return rocm
        return held if "--query-compute-apps=gpu_uuid,used_memory" in argv else query

    return run


def word(gpus: Sequence[str] = (), chips: int = 1, declared: int = 0) -> dict[str, Any]:
    """The plan's word."""
    return {"chip": None, "chips": chips, "gpus": list(gpus), "declared": declared}


@pytest.mark.parametrize(
    ("lease", "run", "found"),
    [
        # of what was planned, what is still there
        (word([A100, "GPU-gone"]), tools(TWO_KINDS), Leasable(1, (A100,), CUDA)),
        # where the driver says nothing any more, what was planned
        (word(["GPU-x"]), tools(), Leasable(1, ("GPU-x",), CUDA)),
        # a GPU without uuid goes by its index
        (word(["3"]), tools("3, , NVIDIA L4, 23034, 1\n"), Leasable(1, ("3",), CUDA)),
        # the host was not asked: those of one kind
        (word(), tools(TWO_KINDS), Leasable(1, (A100,), CUDA)),
        ({**word(), "chip": "b200"}, tools(TWO_KINDS), Leasable(1, (), CUDA)),
        # nor is there a driver: by number
        (word(chips=2, declared=3), tools(), Leasable(2, ("0", "1", "2"), CUDA)),
    ],
)
def test_leasable(lease: Mapping[str, Any], run: Any, found: Leasable) -> None:
    """What the plan and the driver say comes to GPUs by name."""
    assert leasable(lease, run) == found
    assert Leasable.of(found.to_dict()) == found


def test_amd() -> None:
    """AMD's GPUs are pinned by uuid, in the variable that takes one."""
    found = leasable(word(), tools(rocm=MI300X))
    assert found.variable == ROCR
    assert all(gpu.startswith("GPU-") for gpu in found.gpus)


def test_in_use() -> None:
    """A GPU is in use when processes hold a tenth of it; AMD's when as much of it is taken."""
    assert in_use(tools(TWO_KINDS, held=f"{A100}, 20000\n")) == {A100}
    assert in_use(tools(TWO_KINDS)) == set()
    full = MI300X.replace("297721856", "200000000000")
    assert len(in_use(tools(rocm=full))) == full.count("200000000000")
