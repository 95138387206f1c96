"""A desk whose host is a SLURM cluster: a user here, the login machine by ~/.ssh/config."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import DEADLINE, Desk, Finished, command, new_desk
from tests.e2e.slurm.cluster import Job, SlurmCluster

GRES = {"h100": "h100_80gb", "a100-sxm4-80gb": "a100_80g"}
AT_WORK = {"RUNNING", "COMPLETING"}
Values = Mapping[str, Any]


@frozen
class ClusterDesk:
    """A *desk* with the host `slurm`: the login machine of *cluster*, with *storage* for it all."""

    desk: Desk
    cluster: SlurmCluster
    storage: Path

    @property
    def runs(self) -> Path:
        """Where the run directories lie."""
        return self.storage / "work" / ".dispatch" / "runs"

    def configure(
        self, host: Values | None = None, cluster: Values | None = None, **top: Any
    ) -> None:
        """Write the dispatch config, with more keys of the host, the cluster and the top."""
        config = {
            "clusters": {"hpc": {**_places(self.storage), **(cluster or {})}},
            "gres_mapping": GRES,
            "hosts": {"slurm": self.host(**(host or {}))},
            **top,
        }
        self.desk.write(str(self.desk.home / ".theseus.yaml"), json.dumps(config))

    def host(self, **keys: Any) -> Values:
        """The login machine as a host of the config, with other *keys*."""
        return {
            "type": "slurm",
            "cluster": "hpc",
            "ssh": "slurm",
            "partitions": ["gpu"],
            "cpu_partitions": ["cpu"],
            **keys,
        }

    def job(self, script: str) -> None:
        """Have `train.yaml` run *script* by sh on CPUs, unless flags say more, and commit."""
        self.desk.write("job.sh", script)
        text = "job: command\nrequest: {min_chips: 0}\ncommand: [sh, job.sh]\n"
        self.desk.write("train.yaml", text)
        self.desk.commit()

    def theseus(self, *words: str) -> Finished:
        """Run theseus with *words* to its end."""
        return self.desk.theseus(*words)

    def submit(self, *words: str, name: str = "demo") -> "SlurmRun":
        """Submit `train.yaml`."""
        return self.started(self.theseus("submit", name, "train.yaml", "--json", *words))

    def follow(self, *words: str) -> Finished:
        """Submit `train.yaml` and stay to the end."""
        return self.theseus("submit", "demo", "train.yaml", "--follow", *words)

    @contextmanager
    def following(self, *words: str) -> Iterator[tuple["SlurmRun", "subprocess.Popen[bytes]"]]:
        """Submit `train.yaml`, and give the run and the process that follows it."""
        with self.desk.start("submit", "demo", "train.yaml", "--follow", *words) as process:
            try:
                self.cluster.wait_for(
                    lambda: process.poll() is not None or any(self.runs.glob("*/answer")),
                    "the submission",
                )
                assert process.poll() is None, process.communicate()
                yield self.only_run(), process
            finally:
                process.kill()

    def plan(self, *words: str) -> Values:
        """The plan of `train.yaml`, as `--json` prints it."""
        finished = self.theseus("plan", "demo", "train.yaml", "--json", *words)
        assert finished.status == 0, finished.err
        plan: Values = json.loads(finished.out)
        return plan

    def on_login_machine(self, *words: str) -> Finished:
        """Run theseus with *words* on the login machine, as its user.

        The interpreter may lie where this user may not look: the right to is lent to the process,
        which hands it on to programs it starts there, and to nothing that SLURM runs.
        """
        lend = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
        become = ("setpriv", "--reuid", self.cluster.user, "--regid", self.cluster.user)
        environment = {**self.desk.environment(), **self.cluster.site.environment}
        settings = [f"{name}={value}" for name, value in environment.items()]
        place = ("env", "-i", f"--chdir={self.desk.repository}", *settings)
        words = tuple(str(word) for word in command(*words))
        done = self.cluster.run([*become, "--init-groups", *lend, *place, *words], check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    def started(self, finished: Finished) -> "SlurmRun":
        """The run that a successful command with --json has started."""
        assert finished.status == 0, finished.err
        return SlurmRun(self, json.loads(finished.out)["run"])

    def only_run(self) -> "SlurmRun":
        """The one run there is."""
        (run_dir,) = self.runs.iterdir()
        return SlurmRun(self, run_dir.name)


@frozen
class SlurmRun:
    """The run *run_id* that was submitted from *desk*."""

    desk: ClusterDesk
    run_id: str

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self.desk.runs / self.run_id

    @property
    def number(self) -> str:
        """The number of its job, that of its array before it where it has one."""
        kind, number = (self.run_dir / "answer").read_text().split()
        assert kind == "slurm"
        return number

    @property
    def job(self) -> Job:
        """Its job, whatever its state."""
        (job,) = self.desk.cluster.jobs("-t", "all", "-j", self.number)
        return job

    @property
    def plan(self) -> Values:
        """The plan that came along."""
        plan: Values = json.loads((self.run_dir / "plan.json").read_text())
        return plan

    @property
    def log(self) -> str:
        """What its log says."""
        return Path(self.plan["paths"]["log"]).read_text()

    @property
    def metadata(self) -> Values:
        """What is known of it."""
        file = Path(self.plan["paths"]["status"], "metadata.json")
        metadata: Values = json.loads(file.read_text())
        return metadata

    def path(self, name: str) -> Path:
        """A path of the plan: checkpoints, results, …"""
        return Path(self.plan["paths"][name])

    def told(self, option: str) -> str | None:
        """What `scontrol show job` says of *option*, a word; None where it says nothing."""
        said = self.desk.cluster.run(["scontrol", "show", "job", "-o", self.number]).stdout
        pairs = (word.partition("=") for word in said.split())
        return next((value for name, _, value in pairs if name == option), None)

    def wait_for_state(self, state: str) -> None:
        """Wait until SLURM says *state* of its job."""
        self.desk.cluster.wait_for(lambda: self.job.state == state, f"the job to be {state}")

    def wait_for_log(self, text: str) -> None:
        """Wait until its log holds *text*."""
        log = Path(self.plan["paths"]["log"])
        self.desk.cluster.wait_for(lambda: log.exists() and text in log.read_text(), f"{text!r}")

    def outcome(self) -> Values:
        """What became of it, awaited; its job has ended by then, and its log is whole."""
        file = self.run_dir / "outcome.json"
        self.desk.cluster.wait_for(file.exists, f"the outcome of {self.run_id}", DEADLINE)
        self.desk.cluster.wait_for(lambda: self.job.state not in AT_WORK, "the end of its job")
        outcome: Values = json.loads(file.read_text())
        return outcome


def _places(storage: Path) -> Values:
    return {"root": str(storage / "root"), "work": str(storage / "work")}


def cluster_desk(folder: Path, cluster: SlurmCluster) -> ClusterDesk:
    """A desk in *folder*, with new storage on the cluster."""
    made = ClusterDesk(new_desk(folder / "user"), cluster, cluster.new_folder())
    (made.desk.home / ".ssh").symlink_to(cluster.client_home / ".ssh")
    made.configure()
    return made
