"""Runs on this machine: submitting them as a user would, and waiting for their end."""

import json
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import DEADLINE, Desk, Finished


@frozen
class Submission:
    """What `submit --json` or `apply --json` said: the run's id and whether it ran before."""

    desk: Desk
    said: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.said["run"])

    def place(self, key: str) -> Path:
        """A path of the run: its log, work directory or results."""
        return here(self.desk, str(self.said[key]))

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self.desk.home / "work" / ".dispatch" / "runs" / self.run_id

    def outcome(self) -> dict[str, Any]:
        """What became of the run, awaited."""
        return outcome_in(self.run_dir)


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended may be listed until somebody asks for it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def outcome_in(run_dir: Path) -> dict[str, Any]:
    """The outcome of the run in *run_dir*, after its process has tidied up and ended."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        file, answer = run_dir / "outcome.json", run_dir / "answer"
        if file.exists() and not runs(int(answer.read_text().split()[0])):
            outcome: dict[str, Any] = json.loads(file.read_text())
            return outcome
        time.sleep(0.05)
    raise AssertionError(f"the run of {run_dir} has not ended")


def here(desk: Desk, path: str) -> Path:
    """A path of the plan on this machine."""
    return desk.home / path.removeprefix("~/")


def submission(desk: Desk, finished: Finished) -> Submission:
    """What a successful command with --json has started."""
    assert finished.status == 0, finished.err
    return Submission(desk, json.loads(finished.out))


def submitted(desk: Desk, *words: str) -> Submission:
    """Submit `train.yaml` with *words*."""
    return submission(desk, desk.theseus("submit", "demo", "train.yaml", "--json", *words))


def job(desk: Desk, script: str) -> None:
    """Have `train.yaml` run *script* by sh, and commit."""
    desk.write("job.sh", script)
    desk.write("train.yaml", "job: command\nrequest: {min_chips: 0}\ncommand: [sh, job.sh]\n")
    desk.commit()
