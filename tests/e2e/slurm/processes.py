"""Programs on the machines of a test cluster: each in namespaces of its own, ended by the kernel.

A program is started as the child of the tests, which never wait for it before they stop it: so its
process id stays its own. Killing it ends its pid namespace, and with it all that jobs left behind;
when the tests themselves are killed, the same happens.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.slurm.site import Site

Done = subprocess.CompletedProcess[str]
MACHINE = Path(__file__).with_name("machine.sh")
# the first ends the second with the tests, the second ends the machine with itself
ISOLATE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


class ClusterError(Exception):
    """The cluster is not what it should be: it says what was waited for, and what the log says."""


class Program:
    """One *command*, running on *machine* of the cluster of *site*; its output is in *log*."""

    def __init__(self, site: Site, machine: str, command: Sequence[str]) -> None:
        self.log = site.folder / "log" / f"{machine}-{Path(command[0]).name}.out"
        start = [*ISOLATE, str(MACHINE), str(site.folder), machine, *command]
        self._environment = site.environment
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                start,
                cwd="/",
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def run(self, command: Sequence[str]) -> Done:
        """Run *command* as root on its machine."""
        namespaces = f"/proc/{self._process.pid}/ns"
        enter = ("nsenter", f"--uts={namespaces}/uts", f"--mount={namespaces}/mnt")
        return subprocess.run(
            [*enter, f"--pid={namespaces}/pid_for_children", *command],
            cwd="/",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def namespace(self) -> str:
        """The pid namespace of its machine."""
        return _link(Path(f"/proc/{self._process.pid}/ns/pid_for_children"))

    def stop(self) -> None:
        """End it and every process on its machine, now."""
        if self.runs:
            # unshare waits for the first process, whose end waits for those of all others
            for process in _children(self._process.pid) or [self._process.pid]:
                os.kill(process, signal.SIGKILL)
        self._process.wait()


Start = Callable[[str, Sequence[str]], Program]  # machine, command


def wait_for(
    predicate: Callable[[], object], what: str = "a condition", seconds: float = 30
) -> None:
    """Wait until *predicate* holds; after *seconds*, ClusterError says *what* did not come."""
    end = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > end:
            raise ClusterError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


def wait_for_start(program: Program, predicate: Callable[[], object]) -> None:
    """Wait until *program* is ready, as *predicate* tells, or has ended."""
    try:
        wait_for(lambda: predicate() or not program.runs, program.log.stem, seconds=60)
    except ClusterError as late:
        raise ClusterError(f"{late}; {_said(program)}") from late
    if not program.runs:
        raise ClusterError(f"{program.log.stem} ended; {_said(program)}")


def _said(program: Program) -> str:
    return f"{program.log} says: {program.log.read_text(errors='replace')[-2000:]}"


def processes_in(namespace: str) -> tuple[int, ...]:
    """The processes whose pid namespace is *namespace*."""
    links = Path("/proc").glob("[0-9]*/ns/pid")
    return tuple(int(link.parts[2]) for link in links if _link(link) == namespace)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "of a process that has ended"


def _children(process: int) -> list[int]:
    return [
        int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]
