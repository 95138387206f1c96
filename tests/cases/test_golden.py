"""Each case gives exactly the plan, or the error, that is kept beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from returns.pipeline import is_successful
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.cases.case import CASES, case_folders, planned, planned_sweep, sweep_folders
from theseus.core.error_text import explain
from theseus.core.plan.array import Array, array_steps, parts
from theseus.core.plan.batch import Batch
from theseus.core.plan.codec import plan_json, read_plan
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import render_plan
from theseus.core.plan.render_batch import render_batch
from theseus.core.plan.script import describe_step
from theseus.core.plan.steps import PutFile, PutFiles, Step, Text
from theseus.effects.reading.plan_files import plan_yaml

GOLDEN = CASES / "__snapshots__" / "test_golden"
KEPT = {
    "job.env": "env",
    "user.env": "user",
    "modules": "modules",
    "job.argv": "argv",
    "setup.sh": "sh",
}


def texts(plan: Plan) -> dict[str, str]:
    """The texts of a plan that are kept, by suffix."""
    files = {
        PurePosixPath(step.path).name: step.content.text
        for step in plan.steps
        if isinstance(step, PutFile) and isinstance(step.content, Text)
    }
    kept = {suffix: files[name] for name, suffix in KEPT.items() if name in files}
    return {"plan": f"{render_plan(plan)}\n", "yaml": plan_yaml(plan), **kept}


def kept_as(suffix: str) -> type[SingleFileSnapshotExtension]:
    """A way to keep a text in a file of its own that ends in *suffix*."""
    kind = {"file_extension": suffix, "_write_mode": WriteMode.TEXT}
    return type(f"Kept{suffix.title()}", (SingleFileSnapshotExtension,), kind)


SUFFIXES = {
    suffix: kept_as(suffix) for suffix in ("plan", "yaml", "error", "batch", "told", *KEPT.values())
}


@pytest.mark.parametrize("folder", case_folders(), ids=lambda folder: folder.name)
def test_case(folder: Path, snapshot: SnapshotAssertion) -> None:
    """The case gives what is kept, and nothing else is kept for it."""
    made = planned(folder)
    said = (
        texts(made.unwrap()) if is_successful(made) else {"error": f"{explain(made.failure())}\n"}
    )
    for suffix, text in said.items():
        assert text == snapshot.use_extension(SUFFIXES[suffix])
    kept = {path.suffix[1:] for path in GOLDEN.glob(f"test_case[[]{folder.name}].*")}
    assert kept == set(said)


def batch_texts(batch: Batch) -> dict[str, str]:
    """The texts of a batch that are kept: what is shown, and what the host of an array is told."""
    told = [
        line
        for part in parts(batch)
        if isinstance(part, Array)
        for step in array_steps(part)
        for line in (describe_step(step), *_contents(step))
    ]
    shown = {"batch": f"{render_batch(batch)}\n"}
    return {**shown, "told": "".join(f"{line}\n" for line in told)} if told else shown


def _contents(step: Step) -> Iterator[str]:
    for file in step.files if isinstance(step, PutFiles) else ():
        yield f"  {describe_step(file)}"
        if isinstance(file, PutFile) and file.path.endswith(("/runs", "/logs")):
            assert isinstance(file.content, Text)
            yield from (f"    {line}" for line in file.content.text.splitlines())


@pytest.mark.parametrize("folder", sweep_folders(), ids=lambda folder: folder.name)
def test_sweep(folder: Path, snapshot: SnapshotAssertion) -> None:
    """The case of a sweep gives the batch that is kept, and nothing else is kept for it."""
    made = planned_sweep(folder)
    said = (
        batch_texts(made.unwrap())
        if is_successful(made)
        else {"error": f"{explain(made.failure())}\n"}
    )
    for suffix, text in said.items():
        assert text == snapshot.use_extension(SUFFIXES[suffix])
    kept = {path.suffix[1:] for path in GOLDEN.glob(f"test_sweep[[]{folder.name}].*")}
    assert kept == set(said)


@pytest.mark.parametrize("folder", case_folders(), ids=lambda folder: folder.name)
def test_plan_reads_back(folder: Path) -> None:
    """A plan read back from its JSON is the plan."""
    planned(folder).map(lambda plan: _same(read_plan(json.loads(plan_json(plan))).unwrap(), plan))


def _same(one: Plan, other: Plan) -> None:
    assert one == other


def test_shell_accepts_what_is_kept() -> None:
    """Real bash and shellcheck accept every file that a shell is to read."""
    files = [str(path) for suffix in KEPT.values() for path in GOLDEN.glob(f"*.{suffix}")]
    assert files
    # another file sources each of these and uses its variables; `$` in data is data
    unused, unexpanded = "SC2034", "SC2016"
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    check = [shellcheck, "--shell=bash", f"--exclude={unused},{unexpanded}", *files]
    subprocess.run(check, check=True)
    for file in files:
        subprocess.run(["bash", "-n", file], check=True)
