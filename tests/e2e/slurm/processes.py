"""Programs on the machines of a test cluster: each in namespaces of its own, ended by the kernel.

A program is started as the child of the tests, which never wait for it before they stop it: so its
process id stays its own. Killing it ends its pid namespace, and with it all that jobs left behind;
when the tests themselves are killed, the same happens.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.slurm.site import Site

MACHINE = Path(__file__).with_name("machine.sh")
# the first ends the second with the tests, the second ends the machine with itself
ISOLATE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


class NotReady(Exception):
    """The cluster is not what it should be: it says what was waited for, and what the log says."""


class Program:
    """One *command*, running on *machine* of the cluster of *site*; its output is in *log*."""

    def __init__(self, site: Site, machine: str, command: Sequence[str]) -> None:
        self.log = site.folder / "log" / f"{machine}-{Path(command[0]).name}.out"
        start = [*ISOLATE, str(MACHINE), str(site.folder), machine, *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                start,
                cwd="/",
                env=site.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def entry(self) -> tuple[str, ...]:
        """The command before a command, to run that one on this machine."""
        process = self._process.pid
        namespaces = f"/proc/{process}/ns"
        return (
            "nsenter",
            f"--target={process}",
            "--uts",
            "--mount",
            f"--pid={namespaces}/pid_for_children",
        )

    def processes(self) -> tuple[int, ...]:
        """The processes that run on this machine."""
        return _processes_in(_namespace(self._process.pid)) if self.runs else ()

    def stop(self) -> None:
        """End it and every process on its machine, now."""
        if not self.runs:
            return
        namespace = _namespace(self._process.pid)
        self._process.kill()
        self._process.wait()
        wait_for(lambda: not _processes_in(namespace), f"the end of {self.log.stem}")


Start = Callable[[str, Sequence[str]], Program]  # machine, command


def wait_for(
    predicate: Callable[[], object], what: str = "a condition", seconds: float = 30
) -> None:
    """Wait until *predicate* holds; after *seconds*, NotReady says *what* did not come."""
    end = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > end:
            raise NotReady(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


def wait_for_start(program: Program, predicate: Callable[[], object]) -> None:
    """Wait until *program* is ready, as *predicate* tells, or has ended."""
    try:
        wait_for(lambda: predicate() or not program.runs, program.log.stem, seconds=60)
    except NotReady as late:
        raise NotReady(f"{late}; {_said(program)}") from late
    if not program.runs:
        raise NotReady(f"{program.log.stem} ended; {_said(program)}")


def _said(program: Program) -> str:
    return f"{program.log} says: {program.log.read_text(errors='replace')[-2000:]}"


def _namespace(process: int | str) -> str:
    return str(Path(f"/proc/{process}/ns/pid_for_children").readlink())


def _processes_in(namespace: str) -> tuple[int, ...]:
    if namespace == _namespace("self"):
        return ()  # `unshare` has made no namespace yet, nor any process
    links = Path("/proc").glob("[0-9]*/ns/pid")
    return tuple(int(link.parts[2]) for link in links if _target(link) == namespace)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return "ended"
