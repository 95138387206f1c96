"""One start of a run on one node.

Here: what is known of it from its beginning to its end, and how it begins. Never here: how a
process is watched, or what its end means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Mapping

from theseus.runtime.child import Child
from theseus.runtime.documents import replace_document
from theseus.runtime.environment import DIRECTORIES, job_variables
from theseus.runtime.hardware import finalized
from theseus.runtime.launch import launch_of
from theseus.runtime.leftovers import contents
from theseus.runtime.limit import TimeLimit
from theseus.runtime.local import directory, expanded_hardware
from theseus.runtime.metadata import Metadata
from theseus.runtime.nodes import Nodes
from theseus.runtime.payload import read_payload
from theseus.runtime.processes import node_directory, processes
from theseus.runtime.run_directory import EXCEPTION_FILE, HARDWARE_FILE

CONTENTS_FILE = "contents.json"
GROUP_FILE = "job.group"


class Run:
    """A run as the process on this node sees it; the main one speaks for all."""

    def __init__(self, run_dir: Path, environment: Mapping[str, str]) -> None:
        self.run_dir = run_dir
        self.payload = read_payload(run_dir)
        self.own = processes(environment)
        self.node_dir = node_directory(run_dir, self.own)
        self.node_dir.mkdir(parents=True, exist_ok=True)
        for kind in DIRECTORIES:
            mode = 0o700 if kind == "STATUS" else 0o777  # the config stands in there
            directory(kind, environment).mkdir(mode, parents=True, exist_ok=True)
        self.work_dir = directory("WORK", environment)
        self.variables = job_variables(self.payload["run"]["id"], environment, self.own)
        self.limit = TimeLimit.of(environment)
        self.nodes = Nodes.of(run_dir, self.own, environment)
        status_dir = directory("STATUS", environment) if self.is_main else self.node_dir
        self.metadata = Metadata.of(self.payload, run_dir, self.variables, status_dir)
        self._silent = False

    @property
    def is_main(self) -> bool:
        """Whether this process speaks for the run."""
        return self.own.index == 0

    @property
    def in_slurm(self) -> bool:
        """Whether SLURM started it, and may start it again."""
        return "SLURM_JOB_ID" in self.variables

    @property
    def contents_file(self) -> Path:
        """Where it is noted what the work directory held at first: the same on each node."""
        own = self.node_dir / CONTENTS_FILE
        return own if own.exists() else self.run_dir / CONTENTS_FILE

    def begin(self) -> Child:
        """Finalize the hardware, note what the work directory holds, start the job."""
        hardware = finalized(expanded_hardware(self.payload), self.variables, self.own)
        replace_document(self.node_dir / HARDWARE_FILE, hardware)
        (self.node_dir / EXCEPTION_FILE).unlink(missing_ok=True)
        if not self.contents_file.exists():  # a restart finds what the job wrote before
            replace_document(self.node_dir / CONTENTS_FILE, contents(self.work_dir))
        launch = launch_of(self.payload, self.run_dir, self.variables)
        self.say(f"starting {self.payload['job']['key']} on {_described(hardware)}")
        child = Child(launch.argv, launch.environment, launch.start)
        group = self.node_dir / GROUP_FILE
        self.note(lambda: group.write_text(f"{child.pid}\n", encoding="ascii"))
        self.note(lambda: self.metadata.running(hardware, child.pid))
        return child

    def say(self, text: str) -> None:
        """Print a line of theseus' own to the log, with the node unless it is the main one."""
        speaker = "" if self.is_main else f"{self.own.node}: "
        print(f"theseus: {speaker}{text}", flush=True)

    def beat(self) -> None:
        """Write the heartbeat."""
        self.note(self.metadata.beat)

    def grace(self, at: float) -> float:
        """How many seconds the job has to end, once it was told to *at* that time."""
        return self.limit.grace(self.variables, at)

    def note(self, write: Callable[[], object]) -> None:
        """Write something about the run; a full disk is said once and does the job no harm."""
        try:
            write()
        except OSError as error:
            if not self._silent:
                self.say(f"the state of the run cannot be written: {error}")
            self._silent = True

    def job_ended(self) -> None:
        """Take note that there is no job any more."""
        (self.node_dir / GROUP_FILE).unlink(missing_ok=True)
        self._silent = False


def _described(hardware: Mapping[str, Any]) -> str:
    hosts = ", ".join(hardware["hosts"])
    return f"{hardware['total_chips']} x {hardware['chip'] or 'unknown chip'} ({hosts})"
