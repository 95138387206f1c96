"""Resubmission: a run of the ledger once more, as a new run: the same inputs, planned anew.

Job, job config, request, variables and source tree are those of its plan; config and hosts are
asked as they are now. The tree is on the host that had it, or is made again from the repository.
"""

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve
from returns.result import Result

from theseus.core.config.config import DispatchConfig
from theseus.core.errors import PlanError, PlanUnusable
from theseus.core.plan.again import assignment_again, source_again
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan
from theseus.effects.ledger.entries import LedgerEntry
from theseus.effects.reading.load import config_path, load_config
from theseus.effects.reading.overrides import apply_overrides
from theseus.effects.submit.planning import Repeat
from theseus.effects.submit.run_ids import new_run_id


def read_repeat(
    entry: LedgerEntry, overrides: Sequence[str], config: str | None, start: Path
) -> Result[Repeat, PlanError]:
    """What it takes to submit the run of *entry* again, its job config changed by *overrides*.

    *config* is the path of a dispatch config that takes the place of the one it was planned by.
    """
    path = entry.config if config is None else config
    repeat: Result[Repeat, PlanError] = Result.do(
        Repeat(loaded, config_path(path), plan.request, source_again(plan), changed, start)
        for plan in entry.plan
        for loaded in load_config(path)
        for assignment in _again(plan, loaded)
        for changed in _changed(assignment, overrides)
    )
    return repeat


def _again(plan: Plan, config: DispatchConfig) -> Result[Assignment, PlanError]:
    again: Result[Assignment, PlanError] = assignment_again(plan, new_run_id(), config).alt(
        lambda error: PlanUnusable(f"the plan of run {plan.run.id} in the ledger", error)
    )
    return again


def _changed(assignment: Assignment, overrides: Sequence[str]) -> Result[Assignment, PlanError]:
    changed: Result[Assignment, PlanError] = apply_overrides(assignment.config, overrides).map(
        lambda values: evolve(assignment, config=values)
    )
    return changed
