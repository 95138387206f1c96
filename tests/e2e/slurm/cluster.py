"""A real SLURM cluster for the tests: all of it on this machine, all state in one folder.

munged, slurmctld, six slurmd with made-up GPUs, sshd, and accounting where it is wanted. Each runs
on a machine of its own: a host name, a pid namespace, a user that only exists there, a scratch.
Everything else is shared storage, as it is on clusters.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.slurm.accounting import start_accounting
from tests.e2e.slurm.files import write_files
from tests.e2e.slurm.munge import start_munge
from tests.e2e.slurm.processes import Done, Program, Start, wait_for, wait_for_start
from tests.e2e.slurm.requirements import free_ports, free_user_id
from tests.e2e.slurm.site import CONTROLLER, LOGIN, NODES, USER, Site

ACTIVE = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING,REQUEUE_HOLD,SPECIAL_EXIT"
READY_STATES = {"idle", "mixed", "allocated"}


@dataclass(frozen=True)
class Job:
    """A job as squeue lists it; *reason* is why it waits, or nothing."""

    number: int
    partition: str
    state: str
    reason: str
    nodes: str
    name: str


class SlurmCluster:
    """The cluster of *site*: what the tests do with it."""

    nodes = NODES
    user = USER

    def __init__(self, site: Site, start: Start) -> None:
        self.site = site
        self._start = start
        self._programs: dict[str, Program] = {}

    @property
    def client_home(self) -> Path:
        """HOME of who dispatches: its ~/.ssh knows the host `slurm`."""
        return self.site.client_home

    @property
    def ssh_config(self) -> Path:
        """The ssh config in that home, for `ssh -F`."""
        return self.site.client_home / ".ssh" / "config"

    @property
    def home(self) -> Path:
        """The user's home, on shared storage."""
        return self.site.home

    @property
    def scratch(self) -> Path:
        """A folder that is another one on every machine."""
        return self.site.folder / "scratch"

    def scratch_of(self, machine: str) -> Path:
        """Where the tests find what *machine* sees as `scratch`."""
        return self.site.folder / "scratches" / machine

    def namespaces(self) -> frozenset[str]:
        """The pid namespaces of the machines that tests run things on."""
        return frozenset(program.namespace for program in self._programs.values())

    def new_folder(self) -> Path:
        """A new folder of the user's, on shared storage."""
        folder = Path(tempfile.mkdtemp(dir=self.site.folder / "shared"))
        os.chown(folder, self.site.user_id, self.site.user_id)
        return folder

    def run(self, command: Sequence[str], *, machine: str = LOGIN, check: bool = True) -> Done:
        """Run *command* as root on *machine*."""
        done = self._programs[machine].run(command)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
        return done

    def as_user(self, command: Sequence[str], *, machine: str = LOGIN, check: bool = True) -> Done:
        """Run *command* as the user on *machine*, in a fresh environment."""
        become = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--reset-env"]
        settings = [f"{name}={value}" for name, value in self.site.environment.items()]
        place = ["env", f"--chdir={self.home}", *settings]
        return self.run([*become, *place, *command], machine=machine, check=check)

    def ssh(self, command: str) -> Done:
        """Run the line *command* by OpenSSH's `ssh slurm`, as the user's login shell reads it."""
        connect = ["ssh", "-F", str(self.ssh_config), "slurm", command]
        return subprocess.run(
            connect, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    wait_for = staticmethod(wait_for)

    def jobs(self, *options: str) -> tuple[Job, ...]:
        """The jobs that are not final, or those that squeue lists with *options*."""
        form = "%A|%P|%T|%r|%N|%j"
        listed = self.run(["squeue", "-h", "-o", form, *(options or ("-t", ACTIVE))]).stdout
        rows = (line.split("|", 5) for line in listed.splitlines())
        return tuple(Job(int(number), *texts) for number, *texts in rows)

    def states(self) -> dict[str, str]:
        """The state of each node, in SLURM's long word; nothing while the controller is away."""
        form = "NodeList:|,StateLong:|"
        listed = self.run(["sinfo", "-h", "-N", "-O", form], check=False).stdout
        return {node: state for node, state, _ in (row.split("|") for row in listed.splitlines())}

    def fill(self, node: str, gpus: int = 8) -> int:
        """The number of a running job of the user's that holds *gpus* GPUs of *node*."""
        return self.hold(node, f"--gres=gpu:{gpus}")

    def hold(self, node: str, *options: str) -> int:
        """The number of a job that runs on *node* with the *options* of sbatch until cancelled."""
        partition = "cpu" if node.startswith("cpu") else "gpu"
        where = ["--partition", partition, "--nodelist", node, "--output", "/dev/null"]
        submit = ["sbatch", "--parsable", *where, *options, "--wrap", "exec sleep 3600"]
        number = int(self.as_user(submit).stdout)
        self.wait_for(
            lambda: self.jobs("-j", str(number), "-t", "RUNNING"), f"job {number} to run on {node}"
        )
        return number

    def drain(self, node: str) -> None:
        """Let no new job start on *node*."""
        self._update(node, "state=drain", "reason=test")

    def resume(self, node: str) -> None:
        """Let jobs start on *node* again, and wait until they can."""
        self.wait_for(lambda: self._is_ready(node), f"{node} to be ready")

    def _is_ready(self, node: str) -> bool:
        ready = self.states().get(node) in READY_STATES
        if not ready:  # a node that is on its way back refuses to be resumed
            self.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False)
        return ready

    def set_down(self, node: str) -> None:
        """Set *node* down: its jobs end or are requeued; its machine runs on."""
        self._update(node, "state=down", "reason=test")

    def _update(self, node: str, *settings: str) -> None:
        self.run(["scontrol", "update", f"nodename={node}", *settings])

    def lose(self, node: str) -> None:
        """Let the machine *node* fail, with all that runs there; SLURM finds out by itself."""
        self._programs.pop(node).stop()

    def start(self, node: str) -> None:
        """Start the machine *node*."""
        if node not in self._programs:
            command = ["/usr/sbin/slurmd", "-D", "-N", node]
            self._programs[node] = self._start(node, command)

    def cancel_all(self) -> None:
        """Kill every job, and wait until none is left."""
        self.wait_for(self._kill_jobs, "the end of all jobs", seconds=60)

    def _kill_jobs(self) -> bool:
        jobs = self.jobs()
        if jobs:
            self.run(["scancel", *(str(job.number) for job in jobs)], check=False)
        running = [str(job.number) for job in jobs if job.state != "PENDING"]
        if running:  # TERM is a request, and KILL comes only after KillWait
            self.run(["scancel", "--signal=KILL", "--full", *running], check=False)
        return not jobs

    def clear(self) -> None:
        """No jobs, every machine up, every node ready: what each test begins with."""
        for node in NODES:
            self.start(node)
        self.cancel_all()
        for node, state in self.states().items():
            if state != "idle":
                self.resume(node)

    def start_all(self) -> None:
        """Start every machine, and wait until jobs can run."""
        if self.site.accounting:
            start_accounting(self.site, self._start)
        slurmctld = self._start(CONTROLLER, ["/usr/sbin/slurmctld", "-D"])
        self._programs[CONTROLLER] = slurmctld
        for node in NODES:
            self.start(node)
        sshd = ["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.site.folder}/ssh/sshd_config"]
        login = self._programs[LOGIN] = self._start(LOGIN, sshd)
        wait_for_start(login, lambda: self.ssh("true").returncode == 0)
        wait_for_start(slurmctld, lambda: set(self.states().values()) == {"idle"})


@contextmanager
def running_cluster(*, accounting: bool, extra: str = "") -> Iterator[SlurmCluster]:
    """A cluster that runs; *extra* are lines for its slurm.conf. Nothing of it is left behind."""
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="theseus-slurm-"))
        undo.callback(shutil.rmtree, folder)
        folder.chmod(0o755)
        site = Site(folder, undo.enter_context(free_ports()), free_user_id(), accounting)
        write_files(site, extra)

        def start(machine: str, command: Sequence[str]) -> Program:
            program = Program(site, machine, command)
            undo.callback(program.stop)
            return program

        start_munge(site, start)
        cluster = SlurmCluster(site, start)
        cluster.start_all()
        yield cluster
