"""How devices are arranged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from theseus.base.topology import Topology

STAND_IN = Path(__file__).parent / "stand_in"


def test_shards_divide_the_devices() -> None:
    """Eight devices with four shards each are two replicas."""
    topology = Topology(8, 4, process_count=2, process_index=1, n_shards=4)
    assert (topology.shards, topology.replicas, topology.is_main) == (4, 2, False)


def test_without_shards_every_device_is_a_replica() -> None:
    """No number of shards means one."""
    assert (Topology(3, 3).shards, Topology(3, 3).replicas) == (1, 3)
    assert Topology(3, 3).is_main


def test_an_uneven_division_is_an_error_only_when_used() -> None:
    """The same job config makes a topology on one CPU, and replicas only where they are even."""
    topology = Topology(1, 1, n_shards=4)
    with pytest.raises(ValueError, match="1 devices cannot be divided into copies of 4 shards"):
        _ = topology.replicas


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 1, 1, 0, None),
        (1, 0, 1, 0, None),
        (1, 1, 0, 0, None),
        (1, 1, 1, 1, None),
        (1, 1, 1, -1, 1),
        (1, 1, 1, 0, 0),
    ],
)
def test_an_impossible_topology_is_refused(numbers: tuple[int, int, int, int, int | None]) -> None:
    """There is at least one of each, and the process is one of the processes."""
    with pytest.raises(ValueError, match=r"at least one|is not one of"):
        Topology(*numbers)


def in_python(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """What Python says to *code* with *paths* first among the importable ones."""
    search = os.pathsep.join(map(str, [*paths, Path(__file__).parents[2]]))
    return subprocess.run(
        [sys.executable, "-S", "-c", f"from theseus.base.topology import Topology\n{code}"],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_mesh_has_an_axis_for_batches_and_one_for_shards() -> None:
    """With a JAX that has the run's devices, the mesh is replicas by shards."""
    finished = in_python("print(Topology(4, 4, n_shards=2).mesh())", STAND_IN)
    assert finished.stdout == "Mesh([[0, 1], [2, 3]], ('batch', 'shard'))\n"


def test_a_mesh_needs_all_devices() -> None:
    """A JAX that sees fewer devices than the run has gives no mesh, but advice."""
    finished = in_python("Topology(8, 4, 2).mesh()", STAND_IN)
    assert "RuntimeError: JAX sees 4 devices where the run has 8" in finished.stderr


def test_a_mesh_needs_jax() -> None:
    """Without JAX the error says what to install."""
    finished = in_python("Topology(1, 1).mesh()")
    assert "a mesh needs JAX, and jax cannot be imported" in finished.stderr
    assert "uv add jax" in finished.stderr
