"""Local run: a job in this very process, with the directories it would have on a host.

No plan and no bootstrap: this is for trying a job before it is dispatched.
"""

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from returns.result import Failure, Result, Success

from theseus.base.hardware import Cluster
from theseus.core.config.secrets import Referenced
from theseus.core.errors import BadJob, PlanError, Unreadable
from theseus.core.plan.payload import Job as PlannedJob
from theseus.core.plan.payload import hardware_of
from theseus.core.solve.verdict import Allocation
from theseus.core.values import frozen
from theseus.effects.reading.jobs import discover
from theseus.effects.reading.reading import Names
from theseus.registry import Job, JobImportError
from theseus.runtime.environment import job_variables
from theseus.runtime.local import execution_spec
from theseus.runtime.processes import processes

RUN_ID = "local"  # the same each time: a run started again in the same directory goes on


@frozen
class LocalRun:
    """A job to be run here: what it is called, its config, and the directory it writes to."""

    names: Names
    job: PlannedJob
    values: Mapping[str, Any]
    out: Path
    start: Path
    load: tuple[str, ...] = ()
    n_shards: int | None = None


def run_here(run: LocalRun) -> Result[int, PlanError]:
    """Run the job; its exit status. What it raises is printed as its own traceback."""
    try:
        job = discover(run.start, run.load).load(run.job.key)
    except JobImportError as error:
        return Failure(BadJob(run.job.key, str(error), "install what it needs where theseus runs"))
    try:
        out = run.out.expanduser().absolute()
    except RuntimeError as error:  # `~name` of a user that does not exist
        reason = str(error).lower().rstrip(".")
        return Failure(Unreadable("directory", str(run.out), reason, "name another one"))
    directories = {name: out / name.lower() for name in ("DATA", "CHECKPOINTS", "RESULTS")}
    try:
        for directory in directories.values():
            directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Failure(Unreadable("directory", str(run.out), reason, "name another one"))
    os.environ.update(_environment(run, out))
    return Success(_status(job, _text(run.values), _payload(run, out)))


def _environment(run: LocalRun, out: Path) -> dict[str, str]:
    places = {
        "THESEUS_WORK_DIR": str(run.start),
        "THESEUS_DATA_DIR": str(out / "data"),
        "THESEUS_CHECKPOINT_DIR": str(out / "checkpoints"),
        "THESEUS_RESULTS_DIR": str(out / "results"),
    }
    return {**job_variables(RUN_ID, os.environ, processes(os.environ)), **places}


def _payload(run: LocalRun, out: Path) -> dict[str, Any]:
    cluster = Cluster("local", root=str(out), work=str(out))
    undecided = Allocation(chip=None, nodes=1, chips_per_node=1)
    names = run.names
    return {
        "run": {
            "id": RUN_ID,
            "name": names.name,
            "project": names.project,
            "group": names.group,
        },
        "hardware": hardware_of(undecided, "local", cluster, run.n_shards),
    }


def _status(job: Job, values: Mapping[str, Any], payload: Mapping[str, Any]) -> int:
    try:
        job.run(values, execution_spec(payload, os.environ))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:  # noqa: BLE001  a job may raise anything: it is the user's to see
        trace = error.__traceback__
        traceback.print_exception(
            type(error), error, trace and trace.tb_next and trace.tb_next.tb_next
        )
        sys.stderr.flush()
        return 1
    return 0


def _text(values: Any) -> Any:  # noqa: ANN401  plain data of any shape
    """*values* with references as what they hold: nothing leaves this machine."""
    match values:
        case Referenced():
            return values.value
        case Mapping():
            return {key: _text(item) for key, item in values.items()}
        case list() | tuple():
            return [_text(item) for item in values]
        case _:
            return values
