"""nanolm on several processes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nanolm.model import Parameters
from nanolm.team import Team, joined, unpacked

PROGRAM = """
import os, sys
from pathlib import Path
from nanolm.config import ModelConfig, TrainConfig, TrainingConfig
from nanolm.results import Results
from nanolm.training import train
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
config = TrainConfig(training=TrainingConfig(tokens=int(sys.argv[2]), batch_size=8))
results = Results(out / "metrics.csv", out / "summary.json", out / "sample.txt")
train(config, out / "checkpoints", results, os.environ)
"""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def started(out: Path, tokens: int, rank: int, size: int, port: int) -> subprocess.Popen[str]:
    """A process of a training."""
    project = Path(__file__).resolve().parents[2] / "examples/nanolm"
    team = {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_PORT": str(port)}
    # several processes on one machine: threads of each would only wait for the others'
    team |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out), str(tokens)],
        env={**os.environ, **team, "MASTER_ADDR": "127.0.0.1", "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Shared batches give the same losses as whole ones, up to rounding; only rank 0 writes."""
    port = free_port()
    pair = [started(tmp_path / "pair", 10_000, rank, 2, port) for rank in range(2)]
    alone = started(tmp_path / "alone", 10_000, 0, 1, port)
    outputs = [process.communicate(timeout=60)[0] for process in (*pair, alone)]
    assert [process.returncode for process in (*pair, alone)] == [0, 0, 0], outputs
    assert "process 1 of 2 learns from its share" in outputs[1]
    assert "loss" not in outputs[1]
    losses = [
        np.loadtxt(tmp_path / name / "metrics.csv", delimiter=",", skiprows=1)[:, 2]
        for name in ("pair", "alone")
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.slow
def test_a_process_that_is_gone_ends_the_training(tmp_path: Path) -> None:
    """The others say that one is gone, and do not wait for ever."""
    port = free_port()
    main, other = (started(tmp_path, 10_000_000, rank, 2, port) for rank in range(2))
    assert main.stdout is not None
    assert any("step 1 " in line for line in main.stdout)
    other.kill()
    other.communicate(timeout=30)
    output, _ = main.communicate(timeout=30)
    assert main.returncode != 0
    assert "a process of this training is gone" in output or "Connection" in output


def test_a_team_of_one_changes_nothing() -> None:
    """Alone, shares are whole and means are what is there."""
    with joined({}, 0) as team:
        assert team == Team()
    batch = np.arange(12).reshape(4, 3)
    assert team.share(batch) is not None
    np.testing.assert_array_equal(team.share(batch), batch)
    gradients: Parameters = {"a": np.ones((2, 2))}
    assert team.agree(1.5, gradients, stop=True) == (1.5, gradients, True)


def test_uneven_shares_are_refused() -> None:
    """A batch that cannot be shared evenly would weigh some pieces more than others."""
    with pytest.raises(ValueError, match=r"training\.batch_size: 5 cannot be shared by 2"):
        Team(0, 2).share(np.zeros((5, 3), dtype=np.int64))


def test_numbers_come_back_in_their_shapes() -> None:
    """What is packed for the way is unpacked under the same names."""
    like: Parameters = {"a": np.zeros((2, 3)), "b": np.zeros(2, dtype=np.float32)}
    found = unpacked(np.arange(8.0), like)
    np.testing.assert_array_equal(found["a"], np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(found["b"], [6.0, 7.0])
    assert found["b"].dtype == np.float32
