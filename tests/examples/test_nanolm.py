"""The example project: its mathematics is right, and stopping it changes nothing."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from nanolm import checkpoint, layers, model
from nanolm.checkpoint import State
from nanolm.config import ModelConfig, OptimConfig, TrainConfig, TrainingConfig
from nanolm.data import all_pieces, random_batch, read_corpus
from nanolm.layers import Array
from nanolm.optimizer import learning_rate
from nanolm.results import Results
from nanolm.training import new_state, train

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "nanolm"

SMALL = TrainConfig(
    checkpoint_every=10,
    report_every=10,
    model=ModelConfig(width=16, heads=2, context=16),
    training=TrainingConfig(tokens=64 * 40, batch_size=4),
)
"""40 steps of a model so small that a test hardly notices it."""

START = """
import json, sys
from pathlib import Path
import nanolm.jobs
from theseus.base.hardware import local
from theseus.base.job import ExecutionSpec
from theseus.base.topology import Topology
from theseus.registry import JOBS

out = Path(sys.argv[1])
spec = ExecutionSpec(
    id="1", name="small", project="p", group="g", hardware=local(str(out), str(out)),
    topology=Topology(device_count=1, local_device_count=1), distributed=False,
    work_dir=out, data_dir=out, checkpoint_dir=out / "checkpoints", results_dir=out / "results",
)
JOBS["nanolm/train"].run(json.loads(sys.argv[2]), spec)
"""


def results_in(folder: Path) -> Results:
    """The result files below *folder*, as the job names them."""
    folder.mkdir(parents=True, exist_ok=True)
    return Results(folder / "metrics.csv", folder / "summary.json", folder / "sample.txt")


def trained(config: TrainConfig, out: Path) -> State:
    """The state after training *config* in *out*."""
    train(config, out / "checkpoints", results_in(out / "results"))
    return checkpoint.read(checkpoint.paths(out / "checkpoints")[0])


def start(config: TrainConfig, out: Path) -> subprocess.Popen[str]:
    """A process that runs the registered job with *config* in *out*."""
    paths = os.pathsep.join([str(REPOSITORY), str(EXAMPLE)])
    return subprocess.Popen(
        [sys.executable, "-c", START, str(out), json.dumps(asdict(config))],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def metrics(out: Path) -> list[list[str]]:
    """The rows of `metrics.csv` without the speed, which no two runs share."""
    with (out / "results" / "metrics.csv").open(newline="") as file:
        return [row[:3] for row in csv.reader(file)]


def summary(out: Path) -> dict[str, Any]:
    """`summary.json` without the time, which no two runs share."""
    figures = dict(json.loads((out / "results" / "summary.json").read_text()))
    figures.pop("seconds")
    return figures


def assert_same(one: State, other: State) -> None:
    """Fails unless both states hold the same bits."""
    for name, value in checkpoint.arrays_of(one).items():
        if name != "facts":
            np.testing.assert_array_equal(value, checkpoint.arrays_of(other)[name], err_msg=name)
    assert one.rng.bit_generator.state == other.rng.bit_generator.state
    assert replace(one.progress, seconds=0) == replace(other.progress, seconds=0)


def wide(parameters: dict[str, Array]) -> dict[str, Array]:
    """*parameters* as float64, in which differences of nearly equal losses still mean something."""
    return {name: value.astype(np.float64) for name, value in parameters.items()}


def test_gradients_equal_differences() -> None:
    """Each parameter's hand-written gradient is the slope of the loss, to seven digits."""
    rng = np.random.default_rng(0)
    p = wide(model.new_parameters(ModelConfig(width=8, heads=2, context=6), 11, rng))
    inputs, targets = rng.integers(0, 11, size=(2, 3, 5))
    _, gradients = model.loss_and_gradients(p, inputs, targets, 2)
    assert gradients.keys() == p.keys()
    for name, value in p.items():
        direction = rng.standard_normal(value.shape)
        step = 1e-5
        losses = [
            model.loss_of({**p, name: value + sign * step * direction}, inputs, targets, 2)
            for sign in (1, -1)
        ]
        slope = (losses[0] - losses[1]) / (2 * step)
        assert np.sum(gradients[name] * direction) == pytest.approx(slope, rel=1e-6, abs=1e-9), name


def test_a_character_sees_none_after_it() -> None:
    """Changing the last character changes no guess made before it."""
    rng = np.random.default_rng(0)
    p = model.new_parameters(ModelConfig(width=8, heads=2, context=6), 11, rng)
    tokens = rng.integers(0, 10, size=(1, 6))
    changed = tokens.copy()
    changed[0, -1] += 1
    (one, _), (other, _) = (model.forward(p, ids, 2) for ids in (tokens, changed))
    np.testing.assert_array_equal(one[:, :-1], other[:, :-1])
    assert not np.array_equal(one[:, -1], other[:, -1])


def test_a_new_model_guesses_evenly() -> None:
    """Before training the loss is about that of guessing among all characters alike."""
    corpus = read_corpus(SMALL.text, 16)
    state = new_state(SMALL, corpus)
    inputs, targets = all_pieces(corpus.validation, 16)
    even = np.log(len(corpus.vocabulary))
    assert model.loss_of(state.parameters, inputs, targets, 2) == pytest.approx(even, abs=0.1)


def test_chances_sum_to_one() -> None:
    """Softmax gives chances, also for numbers whose powers would overflow."""
    chances = layers.softmax(np.array([1e4, 1e4, -np.inf]))
    np.testing.assert_allclose(chances, [0.5, 0.5, 0])


def test_learning_rate_rises_and_falls() -> None:
    """The rate is highest after the warm-up and ends at a tenth of that."""
    optim = OptimConfig(lr=1.0, warmup=0.1)
    rates = [learning_rate(optim, done) for done in (0, 0.05, 0.1, 0.5, 1)]
    assert rates[:3] == [0, 0.5, 1]
    assert 0.1 < rates[3] < 1
    assert rates[4] == pytest.approx(0.1)


def test_text_and_tokens_are_the_same_thing() -> None:
    """The corpus decodes to the text it was read from, its last tenth apart from the rest."""
    corpus = read_corpus("data/alice.txt", 64)
    text = (EXAMPLE / "data" / "alice.txt").read_text()
    assert corpus.decode(np.concatenate([corpus.training, corpus.validation])) == text
    assert len(corpus.validation) == pytest.approx(len(text) / 10, abs=1)
    assert corpus.decode(corpus.encode("Alice")) == "Alice"


def test_targets_are_the_next_characters() -> None:
    """In a batch and in validation each target is the input's successor in the text."""
    tokens = np.arange(100)
    for inputs, targets in (
        random_batch(tokens, 3, 8, np.random.default_rng(0)),
        all_pieces(tokens, 8),
    ):
        np.testing.assert_array_equal(inputs + 1, targets)
        assert inputs.shape[1] == 8


def test_text_is_the_one_described() -> None:
    """DATA.md names the digest of the text that lies beside it."""
    digest = hashlib.sha256((EXAMPLE / "data" / "alice.txt").read_bytes()).hexdigest()
    assert digest in (EXAMPLE / "data" / "DATA.md").read_text()


def test_train_yaml_says_the_defaults() -> None:
    """train.yaml shows every field of TrainConfig, with the value it has anyway."""
    shown = yaml.safe_load((EXAMPLE / "train.yaml").read_text())
    assert shown.pop("job") == "nanolm/train"
    assert shown.pop("request") == {"min_chips": 0}
    assert shown == asdict(TrainConfig())


def test_loss_falls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small budget takes the real model well below an even guess; files and output say so."""
    config = TrainConfig(training=TrainingConfig(tokens=60_000))
    trained(config, tmp_path)
    figures = summary(tmp_path)
    assert figures["first_loss"] > 4
    assert figures["final_loss"] < 3
    assert figures["validation_loss"] < 3
    assert figures["tokens"] == config.steps * 512 >= 60_000
    assert metrics(tmp_path)[0] == ["step", "tokens", "loss"]
    assert metrics(tmp_path)[-1][:2] == [str(config.steps), str(figures["tokens"])]
    sample = (tmp_path / "results" / "sample.txt").read_text()
    assert sample.startswith("Alice ")
    printed = capsys.readouterr().out
    assert "step 100   tokens 51,200     loss 2." in printed
    assert f"results: {tmp_path}/results/metrics.csv" in printed


def test_the_seed_decides(tmp_path: Path) -> None:
    """One seed gives one model, bit for bit; another seed gives another."""
    one = trained(SMALL, tmp_path / "one")
    assert_same(one, trained(SMALL, tmp_path / "again"))
    other = trained(replace(SMALL, seed=2), tmp_path / "other")
    assert one.progress.loss != other.progress.loss


def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    """After SIGTERM the job exits with 143; started again it ends as if never stopped."""
    config = replace(
        SMALL,
        checkpoint_every=100_000,
        report_every=100,
        training=TrainingConfig(tokens=64 * 3000, batch_size=4),
    )
    whole = trained(config, tmp_path / "whole")

    with start(config, tmp_path / "stopped") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step 1 "):
                process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    (left,) = checkpoint.paths(tmp_path / "stopped" / "checkpoints")
    assert 1 <= checkpoint.read(left).progress.step < 3000
    assert not (tmp_path / "stopped" / "results" / "summary.json").exists()

    with start(config, tmp_path / "stopped") as process:
        printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert "going on after step" in printed
    assert_same(whole, checkpoint.read(checkpoint.paths(tmp_path / "stopped" / "checkpoints")[0]))
    assert summary(tmp_path / "stopped") == summary(tmp_path / "whole")
    assert metrics(tmp_path / "stopped") == metrics(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["cut short", "empty", "one bit", "other bytes"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    """When the newest checkpoint is damaged, the one before gives the same end."""
    whole = trained(SMALL, tmp_path)
    newest = checkpoint.paths(tmp_path / "checkpoints")[0]
    content = newest.read_bytes()
    middle = len(content) // 2
    newest.write_bytes(
        {
            "cut short": content[:middle],
            "empty": b"",
            "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "other bytes": b"\x00" * len(content),
        }[damage]
    )
    found = checkpoint.restore(whole, tmp_path / "checkpoints")
    assert found.progress.step == 30
    assert_same(whole, trained(SMALL, tmp_path))


def test_all_checkpoints_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With no readable checkpoint the training starts anew, says why, and keeps its own."""
    whole = trained(SMALL, tmp_path)
    for path in checkpoint.paths(tmp_path / "checkpoints"):
        path.write_bytes(b"torn")
    capsys.readouterr()
    short = replace(SMALL, training=replace(SMALL.training, tokens=64 * 10))
    assert trained(short, tmp_path).progress.step == 10
    assert capsys.readouterr().out.count("is damaged") == 3
    again = trained(SMALL, tmp_path)
    assert again.progress.tokens == whole.progress.tokens


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Three checkpoints stay; what a killed write left behind is no checkpoint."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-00000099.partial").write_bytes(b"half")
    assert trained(SMALL, tmp_path).progress.step == 40
    assert [path.name for path in checkpoint.paths(tmp_path / "checkpoints")] == [
        "step-00000040.npz",
        "step-00000030.npz",
        "step-00000020.npz",
    ]


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    """A finished training adds nothing when started again, and goes on under a larger budget."""
    first = trained(SMALL, tmp_path)
    assert_same(first, trained(SMALL, tmp_path))
    larger = replace(SMALL, training=replace(SMALL.training, tokens=64 * 50))
    assert trained(larger, tmp_path).progress.tokens == 64 * 50


def test_checkpoints_of_another_training(tmp_path: Path) -> None:
    """Checkpoints of another model are refused, with what differs and what to do."""
    trained(SMALL, tmp_path)
    other = replace(SMALL, seed=2, model=replace(SMALL.model, width=32))
    with pytest.raises(ValueError, match="width: 16 there, 32 here, seed: 1 there, 2 here") as told:
        trained(other, tmp_path)
    assert "Choose another name for this run, or remove that folder." in str(told.value)


def test_the_key_is_cheap() -> None:
    """Importing the module that registers the job does not import numpy."""
    code = "import sys, nanolm.jobs; sys.exit('numpy' in sys.modules)"
    paths = os.pathsep.join([str(REPOSITORY), str(EXAMPLE)])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        (ModelConfig, {"width": 10, "heads": 4}, "model.width: 10 is no multiple"),
        (ModelConfig, {"context": 0}, "model.context: expected a number above zero, got 0"),
        (TrainingConfig, {"tokens": -1}, "training.tokens: expected a number above zero"),
        (OptimConfig, {"lr": 0.0}, "optim.lr: expected a number above zero"),
        (OptimConfig, {"warmup": 1.0}, "optim.warmup: expected a share"),
        (TrainConfig, {"checkpoint_every": 0}, "checkpoint_every: expected a number above zero"),
        (TrainConfig, {"prompt": ""}, "prompt: expected at least one character"),
    ],
)
def test_impossible_values_are_refused(kind: type, values: dict[str, Any], told: str) -> None:
    """A value that no training can have is named by its path in the config."""
    with pytest.raises(ValueError, match=f"^{told}"):
        kind(**values)


def test_an_impossible_prompt_is_told_first(tmp_path: Path) -> None:
    """A prompt with a character that the text never has is refused before the training."""
    with pytest.raises(ValueError, match="never has '#'"):
        trained(replace(SMALL, prompt="#"), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_a_text_too_short(tmp_path: Path) -> None:
    """A text shorter than the model needs is refused."""
    short = tmp_path / "short.txt"
    short.write_text("too short")
    with pytest.raises(ValueError, match="9 characters are too few for a context of 64"):
        read_corpus(str(short), 64)
