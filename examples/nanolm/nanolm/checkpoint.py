"""Checkpoints: the whole state of a training in one file, whole or not there at all.

A checkpoint is written under another name and renamed when it is complete, so a kill at any moment
leaves the one before untouched. One that is damaged all the same is passed over on reading.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nanolm.layers import Array
from nanolm.model import Parameters
from nanolm.optimizer import Adam

DAMAGED = (
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and json raise for a file that was cut short or holds other bytes.

No OSError: a disk that does not answer is no reason to set a checkpoint aside.
"""


@dataclass
class Progress:
    """How far a training has come."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Time spent in all of its starts together."""
    first_loss: float = 0.0
    loss: float = 0.0


@dataclass
class State:
    """All that a training needs to go on as if it had never stopped."""

    parameters: Parameters
    adam: Adam
    rng: np.random.Generator
    progress: Progress
    identity: Mapping[str, object]
    """What must not change between two starts: the model's size, the seed, the text."""


def save(state: State, folder: Path, keep: int) -> Path:
    """Writes *state* into *folder*, then removes all but the newest *keep* checkpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{state.progress.step:08}.npz"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays_of(state))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    for old in paths(folder)[keep:]:
        old.unlink()
    return path


def restore(state: State, folder: Path) -> State:
    """The newest state in *folder* that can be read, or *state*, a new one, when there is none.

    Raises ValueError when the checkpoint belongs to another training than *state*.
    """
    for path in paths(folder):
        try:
            found = read(path)
        except DAMAGED as problem:
            print(f"checkpoint {path} is damaged ({problem}): trying the one before", flush=True)
            path.rename(path.with_suffix(".damaged"))  # out of the way of those still to come
            continue
        if found.identity != state.identity:
            raise ValueError(
                f"{path}: made by another training ({difference(found.identity, state.identity)}). "
                "Choose another name for this run, or remove that folder."
            )
        return found
    return state


def paths(folder: Path) -> list[Path]:
    """The checkpoints in *folder*, newest first."""
    return sorted(folder.glob("step-*.npz"), reverse=True)


def arrays_of(state: State) -> dict[str, Array]:
    """*state* as named arrays; what is no array goes into one, as JSON."""
    facts = {
        "names": list(state.parameters),
        "identity": state.identity,
        "progress": asdict(state.progress),
        "rng": state.rng.bit_generator.state,
    }
    arrays = {"facts": np.array(json.dumps(facts))}
    for group, values in (
        ("parameters", state.parameters),
        ("mean", state.adam.mean),
        ("square", state.adam.square),
    ):
        arrays |= {f"{group}/{name}": value for name, value in values.items()}
    return arrays


def read(path: Path) -> State:
    """The state in the file at *path*; raises one of DAMAGED when it is not whole."""
    with path.open("rb") as file, np.load(file) as arrays:
        facts = json.loads(str(arrays["facts"]))
        parameters, mean, square = (
            {name: arrays[f"{group}/{name}"] for name in facts["names"]}
            for group in ("parameters", "mean", "square")
        )
    rng = np.random.default_rng()
    rng.bit_generator.state = facts["rng"]
    return State(
        parameters=parameters,
        adam=Adam(mean, square),
        rng=rng,
        progress=Progress(**facts["progress"]),
        identity=facts["identity"],
    )


def difference(there: Mapping[str, object], here: Mapping[str, object]) -> str:
    """The values that differ, in words."""
    return ", ".join(
        f"{name}: {there.get(name)} there, {here[name]} here"
        for name in here
        if there.get(name) != here[name]
    )
