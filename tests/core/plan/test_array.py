"""Arrays: alike runs together, all others alone, and every file of every run."""

import json

from attrs import evolve

from tests.cases.case import CASES, planned, planned_sweep
from theseus.core.plan.array import LARGEST, Alone, Array, array_steps, parts
from theseus.core.plan.batch import Batch
from theseus.core.plan.codec import read_plan
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import describe_content
from theseus.core.plan.steps import PutFile, PutFiles, PutSecrets, SubmitArray, Text

BATCH = planned_sweep(CASES / "sweep-array").unwrap()
AFTER = planned(CASES / "after-on-slurm").unwrap()
PLAIN = planned(CASES / "first-that-fits-wins").unwrap()


def batch(*plans: Plan) -> Batch:
    """A batch of *plans*."""
    return Batch("b", "scan", ((),) * len(plans), plans)


def numbered(plan: Plan, number: int) -> Plan:
    """*plan* as that of another run."""
    return evolve(plan, run=evolve(plan.run, id=f"id{number}"))


def test_not_too_large() -> None:
    """More runs than one array may hold are several; one that is left over goes alone."""
    plans = [numbered(BATCH.plans[0], number) for number in range(2 * LARGEST + 1)]
    first, second, last = parts(batch(*plans))
    assert isinstance(first, Array)
    assert isinstance(second, Array)
    assert (len(first.plans), len(second.plans)) == (LARGEST, LARGEST)
    assert first.id != second.id
    assert last == Alone(plans[-1])


def test_what_goes_alone() -> None:
    """Runs of plain hosts, and those that wait for another, are submitted one by one."""
    for plan in (PLAIN, AFTER):
        plans = (numbered(plan, 0), numbered(plan, 1))
        alone = parts(batch(*plans))
        assert alone == (Alone(plans[0]), Alone(plans[1]))
        assert [part.target.host for part in alone] == [plan.target.host] * 2


def test_every_file() -> None:
    """The archive holds each file and secret that the plans put; each run's plan is its own."""
    (array,) = parts(BATCH)
    assert isinstance(array, Array)
    (put,) = (step for step in array_steps(array) if isinstance(step, PutFiles))
    paths = [file.path for file in put.files]
    for plan in array.plans:
        own = [step for step in plan.steps if isinstance(step, PutFile | PutSecrets)]
        assert {step.path for step in own} <= set(paths)
        (document,) = (file for file in put.files if file.path == f"{plan.paths.run}/plan.json")
        assert isinstance(document, PutFile)
        assert isinstance(document.content, Text)
        assert read_plan(json.loads(document.content.text)).unwrap() == plan
    assert len(paths) == len(set(paths))
    assert array.target.host == put.host
    assert all(path.startswith(f"{put.directory}/") for path in paths)
    assert describe_content(put) == f"{len(paths)} files in one archive"
    assert describe_content(SubmitArray("login", "/a", ())) is None
