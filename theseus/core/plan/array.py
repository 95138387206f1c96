"""Array: alike SLURM runs of a batch as one job array, each with its own run directory.

Runs are alike when sbatch is told the same about them. The array has a directory of its own, which
is its claim: the batch script there finds the run of its index, and its log, in lists beside it.
"""

from collections.abc import Iterator
from typing import TypeAlias

from attrs import evolve

from theseus.core.plan.batch import Batch
from theseus.core.plan.codec import plan_json
from theseus.core.plan.modes import PRIVATE_DIR, PRIVATE_FILE
from theseus.core.plan.plan import Plan, Target
from theseus.core.plan.sbatch import BATCH_SCRIPT, filename_pattern
from theseus.core.plan.steps import (
    BuildEnvironment,
    ClaimRun,
    EnsureFile,
    EnsureTree,
    MakeDir,
    PlanDocument,
    PutFile,
    PutFiles,
    PutSecrets,
    Step,
    Submit,
    SubmitArray,
    Text,
)
from theseus.core.text.shell import array_file, path_word
from theseus.core.values import frozen

LARGEST = 1000  # slurm.conf(5): MaxArraySize is 1001 by default, one more than the largest index
_OF_ONE_RUN = ("--job-name=", "--comment=", "--output=", "--chdir=")


@frozen
class Array:
    """The *plans* of one job array; *id* and *name* are its own."""

    id: str
    name: str
    plans: tuple[Plan, ...]

    @property
    def target(self) -> Target:
        """The host it goes to."""
        return self.plans[0].target

    @property
    def directory(self) -> str:
        """Where its batch script and the list of its runs lie."""
        return f"{self.plans[0].paths.share}/sweeps/{self.id}"


@frozen
class Alone:
    """A plan that is performed by itself."""

    plan: Plan

    @property
    def target(self) -> Target:
        """The host it goes to."""
        return self.plan.target


Part: TypeAlias = Array | Alone


def parts(batch: Batch) -> tuple[Part, ...]:
    """What *batch* is performed as: alike SLURM runs as arrays, all others one by one."""
    made: list[Part] = []
    alike: dict[object, list[Plan]] = {}
    for plan in batch.plans:
        alike.setdefault(_likeness(plan), []).append(plan)
    number = 0
    for plans in alike.values():
        for chunk in _chunks(plans):
            if len(chunk) == 1 or not isinstance(chunk[0].steps[-1], Submit):
                made += [Alone(plan) for plan in chunk]
            else:
                number += 1
                made.append(Array(f"{batch.id}-{number}", batch.name, chunk))
    return tuple(made)


def array_steps(array: Array) -> tuple[Step, ...]:
    """The steps that make every run directory of *array* and hand all of them to SLURM."""
    first = array.plans[0]
    host, share, directory = first.target.host, first.paths.share, array.directory
    common = [step for step in first.steps if isinstance(step, MakeDir | EnsureFile | EnsureTree)]
    return (
        *(step for step in common if isinstance(step, MakeDir)),
        MakeDir(host, f"{share}/sweeps", PRIVATE_DIR),
        ClaimRun(host, directory),
        *(step for step in common if not isinstance(step, MakeDir)),
        PutFiles(host, share, tuple(_files(array))),
        # one is for all: what it depends on is the same for runs of one source and one host
        *(step for step in first.steps if isinstance(step, BuildEnvironment)),
        SubmitArray(host, directory, _argv(array)),
    )


def _chunks(plans: list[Plan]) -> Iterator[tuple[Plan, ...]]:
    for start in range(0, len(plans), LARGEST):
        yield tuple(plans[start : start + LARGEST])


def _likeness(plan: Plan) -> object:
    """What is the same for two plans that one array can hold."""
    match plan.steps[-1]:
        case Submit(host, argv=argv, after=None):
            return host, _common_words(argv)
        case _:
            return plan.run.id


def _common_words(argv: tuple[str, ...]) -> tuple[str, ...]:
    *words, _, _ = argv
    return tuple(word for word in words if not word.startswith(_OF_ONE_RUN))


def _files(array: Array) -> Iterator[PutFile | PutSecrets]:
    """Those of the array, then those of each run."""
    host, directory = array.plans[0].target.host, array.directory
    places = array_file("run_dirs", (path_word(plan.paths.run) for plan in array.plans))
    logs = array_file("logs", (path_word(plan.paths.log) for plan in array.plans))
    yield _batch_script(array.plans[0], f"{directory}/{BATCH_SCRIPT}")
    yield PutFile(host, f"{directory}/runs", PRIVATE_FILE, Text(places))
    yield PutFile(host, f"{directory}/logs", PRIVATE_FILE, Text(logs))
    for plan in array.plans:
        for step in plan.steps:
            match step:
                case PutFile(content=PlanDocument()):
                    yield evolve(step, content=Text(plan_json(plan)))
                case PutFile() | PutSecrets():
                    yield step
                case _:
                    continue


def _batch_script(plan: Plan, path: str) -> PutFile:
    own = f"{plan.paths.run}/{BATCH_SCRIPT}"
    (step,) = (each for each in plan.steps if isinstance(each, PutFile) and each.path == own)
    return evolve(step, path=path)


def _argv(array: Array) -> tuple[str, ...]:
    submit = array.plans[0].steps[-1]
    assert isinstance(submit, Submit)  # noqa: S101 - `parts` makes no other
    directory = array.directory
    return (
        *_common_words(submit.argv),
        f"--job-name={array.name}-{array.id}",
        f"--comment=theseus:{array.id}",
        f"--array=0-{len(array.plans) - 1}",
        f"--output={filename_pattern(directory)}/%a.out",
        f"--chdir={directory}",
        f"{directory}/{BATCH_SCRIPT}",
        directory,
    )
