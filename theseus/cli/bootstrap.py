"""`theseus bootstrap`: a whole run as one file, to be started by hand."""

from typing import Annotated

from attrs import evolve
from cyclopts import Parameter
from returns.pipeline import is_successful

from theseus.cli.flags import Flags
from theseus.cli.invoke import DONE, say
from theseus.cli.order import read_order
from theseus.cli.report import report
from theseus.core.plan.packed import (
    batch_options,
    environment_problem,
    needed_variables,
    size_problem,
)
from theseus.core.text.shell import word
from theseus.effects.submit.lock import lock_checked
from theseus.effects.submit.packed import PackedRun, pack


def bootstrap(
    name: str,
    config: str,
    /,
    *overrides: str,
    output: Annotated[str, Parameter(name=("--output", "-o"))],
    flags: Flags = Flags(),
) -> int:
    """Write a run as one file that carries source, runtime and payload; contact nothing.

    Bring the file to a host and hand it to bash or sbatch there: `bash job.sh --help` tells more.

    Parameters
    ----------
    name
        Name of the run.
    config
        Job config (YAML).
    overrides
        key=value for the job config; +key=value adds a key.
    output
        File to write.
    """
    packed = read_order(name, config, overrides, flags).bind(
        lambda order: pack(evolve(order, take=lock_checked(order.take)), output)
    )
    if not is_successful(packed):
        return report(packed.failure())
    _announce(packed.unwrap(), output)
    return DONE


def _announce(packed: PackedRun, output: str) -> None:
    plan = packed.plan
    for note in plan.notes:
        say(note)
    say(f"run {plan.run.id} for {plan.target.host} is in {output}: {plan.trace[-1].reason}")
    program = "sbatch" if batch_options(plan) else "bash"
    say(f"start it there: {program} {word(output)} [--root DIR] [--work DIR] [--share DIR]")
    if variables := needed_variables(plan):
        say(f"it holds no secret: set there before it is started: {', '.join(variables)}")
    for problem in (size_problem(plan, packed.size), environment_problem(plan)):
        if problem is not None:
            say(problem)
