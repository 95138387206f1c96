"""Starts a run's job, watches it to the end, and records that end.

Here: the order of things, and what an end means. Never here: how a process is watched or a file
written.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from theseus.base.command import command_argv
from theseus.runtime.child import Child, Rhythm, SignalInbox, watch
from theseus.runtime.documents import read_document, replace_document
from theseus.runtime.environment import (
    DIRECTORIES,
    command_environment,
    job_variables,
    registered_environment,
)
from theseus.runtime.hardware import finalized
from theseus.runtime.job import EXCEPTION_FILE, HARDWARE_FILE
from theseus.runtime.leftovers import contents, leftover
from theseus.runtime.local import directory, expanded_hardware, import_roots
from theseus.runtime.metadata import Metadata
from theseus.runtime.outcome import Outcome, record_early_end, write_outcome
from theseus.runtime.payload import PayloadError, filled, read_payload
from theseus.runtime.processes import processes

HEARTBEAT_SECONDS = 30.0
GRACE_SECONDS = 30.0
CONTENTS_FILE = "contents.json"
GROUP_FILE = "job.group"


@dataclass(frozen=True)
class Launch:
    """What is started, with which environment, and where."""

    argv: List[str]
    environment: Dict[str, str]
    start: Path


def supervise(
    run_dir: Path, environment: Mapping[str, str], heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> int:
    """Run the job in *run_dir* to its end and record it; the exit status is the job's."""
    with SignalInbox() as inbox:
        try:
            run = _Run(run_dir, environment)
            child = run.begin()
        except (OSError, PayloadError, ValueError) as error:
            return _could_not_start(run_dir, environment, error)
        grace = float(environment.get("THESEUS_GRACE") or GRACE_SECONDS)
        status, told = watch(child, inbox, Rhythm(run.beat, heartbeat_seconds, grace))
    return run.end(status, told)


def _could_not_start(run_dir: Path, environment: Mapping[str, str], error: Exception) -> int:
    message = f"the job cannot be started: {_reason(error)}"
    _say(message)
    work_dir = environment.get("THESEUS_WORK_DIR")
    record_early_end(run_dir, Outcome("failed", 1, None, "job", message, work_dir), environment)
    return 1


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _say(text: str) -> None:
    print(f"theseus: {text}", flush=True)


class _Run:
    """One start of a run: what is known of it from its beginning to its end."""

    def __init__(self, run_dir: Path, environment: Mapping[str, str]) -> None:
        self.run_dir = run_dir
        self.payload = read_payload(run_dir)
        self.own = processes(environment)
        for kind in DIRECTORIES:
            directory(kind, environment).mkdir(parents=True, exist_ok=True)
        self.work_dir = directory("WORK", environment)
        self.variables = job_variables(self.payload["run"]["id"], environment, self.own)
        self.metadata = Metadata.of(self.payload, run_dir, self.variables)
        self.silent = False

    def begin(self) -> Child:
        """Finalize the hardware, note what the work directory holds, start the job."""
        hardware = finalized(expanded_hardware(self.payload), self.variables, self.own)
        replace_document(self.run_dir / HARDWARE_FILE, hardware)
        (self.run_dir / EXCEPTION_FILE).unlink(missing_ok=True)
        if not (self.run_dir / CONTENTS_FILE).exists():  # a restart finds what the job wrote before
            replace_document(self.run_dir / CONTENTS_FILE, contents(self.work_dir))
        launch = self._launch()
        _say(f"starting {self.payload['job']['key']} on {_described(hardware)}")
        child = Child(launch.argv, launch.environment, launch.start)
        group = self.run_dir / GROUP_FILE
        self._note(lambda: group.write_text(f"{child.pid}\n", encoding="ascii"))
        self._note(lambda: self.metadata.running(hardware, child.pid))
        return child

    def _launch(self) -> Launch:
        subdirectory = self.variables.get("THESEUS_SUBDIRECTORY", "")
        start = self.work_dir / subdirectory
        if self.payload["job"]["module"] is None:
            argv = command_argv(filled(self.payload["config"], self.variables))
            return Launch(argv, command_environment(self.variables), start)
        roots = import_roots(self.payload, start)
        # It goes to its own directory itself: `python -m` would look there before the runtime.
        argv = [sys.executable, "-m", "theseus.runtime.job", str(self.run_dir)]
        return Launch(argv, registered_environment(self.variables, roots), self.run_dir)

    def beat(self) -> None:
        """Write the heartbeat."""
        self._note(self.metadata.beat)

    def _note(self, write: Callable[[], object]) -> None:
        """Write something about a job that runs; a full disk is said once and does it no harm."""
        try:
            write()
        except OSError as error:
            if not self.silent:
                _say(f"the state of the run cannot be written: {error}")
            self.silent = True

    def end(self, status: int, told: Optional[int]) -> int:
        """Record how the job ended; its exit status as a shell gives it."""
        (self.run_dir / GROUP_FILE).unlink(missing_ok=True)
        outcome = self._outcome(status, told)
        _say(f"job {outcome.state}" + (f": {outcome.message}" if status else ""))
        self.silent = False
        self._note(lambda: write_outcome(self.run_dir, outcome))
        self._note(lambda: self.metadata.ended(outcome.state, outcome.exit_status, outcome.message))
        return outcome.exit_status

    def _outcome(self, status: int, told: Optional[int]) -> Outcome:
        failed = "failed" if told is None else "preempted"
        state = "completed" if status == 0 else failed
        return Outcome(
            state=state,
            exit_status=status if status >= 0 else 128 - status,
            signal=-status if status < 0 else None,
            stage="job",
            message=self._message(status, told),
            work_dir=self._kept(state),
        )

    def _message(self, status: int, told: Optional[int]) -> str:
        told_so = "" if told is None else f" after SIG{_name(told)} had told it to stop"
        exception = self.run_dir / EXCEPTION_FILE
        if status == 1 and exception.exists():
            return exception.read_text(encoding="utf-8") + told_so
        if status < 0:
            usual = ", as a host does that runs out of memory" if -status == signal.SIGKILL else ""
            return f"killed by SIG{_name(-status)}{told_so or usual}"
        return f"ended with exit status {status}{told_so}"

    def _kept(self, state: str) -> Optional[str]:
        if state == "completed":
            left = self._leftover()
            if left is None:
                return None
            _say(f"the job left {left!r} in its work directory")
        return str(self.work_dir)

    def _leftover(self) -> Optional[str]:
        try:
            return leftover(self.work_dir, read_document(self.run_dir / CONTENTS_FILE))
        except (OSError, ValueError) as error:
            return f"something that cannot be read ({error})"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name[3:]
    except ValueError:  # real-time signals have no names
        return str(number)


def _described(hardware: Mapping[str, Any]) -> str:
    hosts = ", ".join(hardware["hosts"])
    return f"{hardware['total_chips']} x {hardware['chip'] or 'unknown chip'} ({hosts})"
