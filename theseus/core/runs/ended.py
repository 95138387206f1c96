"""Ended: what the end of a run means for who waited for it: exit status, words, variables."""

from collections.abc import Mapping

from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import Cancelled, Completed, Failed, RunState, state_name
from theseus.core.values import frozen

_FAILED = 1
_TERMINATED = 143  # 128 + SIGTERM


def exit_status_of(state: RunState) -> int:
    """The exit status of a wait for a run that ended in *state*: the job's, where it has one.

    >>> exit_status_of(Completed()), exit_status_of(Failed(exit_status=3))
    (0, 3)
    """
    match state:
        case Completed():
            return 0
        case Failed(exit_status=int(status)) if status:
            return status
        case Cancelled():
            return _TERMINATED
        case _:
            return _FAILED


@frozen
class RunEnd:
    """The end of the run of *plan*: its *state* by name, *exit_status*, and what is said of it."""

    plan: Plan
    state: str
    exit_status: int
    message: str

    @classmethod
    def of(cls, plan: Plan, state: RunState) -> "RunEnd":
        """The end of the run of *plan* in *state*."""
        return cls(plan, state_name(state), exit_status_of(state), state.detail)

    def text(self) -> str:
        """The end in a line."""
        said = f": {self.message}" if self.message else ""
        status = f" with exit status {self.exit_status}" if self.state == "failed" else ""
        return f"run {self.plan.run.id} ({self.plan.run.name}) {self.state}{status}{said}"

    def variables(self) -> Mapping[str, str]:
        """What a `notify` command finds in its environment."""
        run = self.plan.run
        return {
            "THESEUS_RUN_ID": run.id,
            "THESEUS_NAME": run.name,
            "THESEUS_PROJECT": run.project,
            "THESEUS_GROUP": run.group,
            "THESEUS_HOST": self.plan.target.host,
            "THESEUS_LOG": self.plan.paths.log,
            "THESEUS_STATE": self.state,
            "THESEUS_EXIT_STATUS": str(self.exit_status),
            "THESEUS_MESSAGE": self.message,
        }
