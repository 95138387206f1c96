"""A run directory as the steps of a plan lay it, and real bootstraps started in it."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

ROOT = Path(__file__).parents[2]
CLUSTER = {"name": "lab", "root": "~/store", "work": "~/scratch"}
NO_TOOL = "#!/bin/sh\nexit 9\n"


@frozen
class Source:
    """What a run is made of; *files* are its source, an empty key is none."""

    files: Mapping[str, str | bytes] = {"train.sh": "true\n"}
    command: tuple[Any, ...] = ("bash", "train.sh")
    job: Mapping[str, Any] | None = None
    config: Mapping[str, Any] = {}
    hardware: Mapping[str, Any] = {}
    variables: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    modules: tuple[str, ...] = ()
    setup: str | None = None
    subdirectory: str = ""
    lease: Mapping[str, Any] | None = None


@define
class Site:
    """A host with one run directory: everything lies beneath *home*."""

    home: Path
    runtime: Path
    work_name: str = "my-run"
    run_id: str = "r1"
    tools: Path = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tools = self.home / "tools-on-path"
        self.tools.mkdir(parents=True, exist_ok=True)
        for name in ("nvidia-smi", "rocm-smi"):
            self.tool(name, NO_TOOL)
        search = [str(self.tools), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        self.environment = {"PATH": ":".join(search), "HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def tool(self, name: str, text: str) -> None:
        """Put an executable on the host's PATH, before all others."""
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self.home / "share/runs" / self.run_id

    @property
    def work_dir(self) -> Path:
        """The directory the job runs in."""
        return self.home / "scratch/proj/exp" / self.work_name / self.run_id

    @property
    def archive(self) -> Path:
        """The source, packed."""
        return self.home / f"share/trees/{self.run_id}.tar.gz"

    @property
    def status_dir(self) -> Path:
        """Where metadata.json lies."""
        return self.home / "status"

    def lay(self, source: Source) -> None:
        """Write the run directory and the source archive of *source*."""
        self.run_dir.mkdir(parents=True)
        tree = self._pack(source.files)
        bootstrap = ROOT / "theseus/sh/bootstrap.sh"
        (self.run_dir / "bootstrap.sh").write_bytes(bootstrap.read_bytes())
        ours = {name: value for name, value in source.variables.items() if "THESEUS_" in name}
        self._write("job.env", {**self._variables(tree, source), **ours})
        if users := {name: source.variables[name] for name in source.variables.keys() - ours}:
            self._write("user.env", users)
        if source.modules:
            loaded = shlex.join(source.modules)
            (self.run_dir / "modules").write_text(f"theseus_modules=({loaded})\n")
        words = ["python3", "-m", "theseus.runtime", str(self.run_dir)]
        (self.run_dir / "job.argv").write_text(f"job_argv=({shlex.join(words)})\n")
        if source.secrets:
            self._write("secrets.env", source.secrets)
        if source.setup is not None:
            (self.run_dir / "setup.sh").write_text(source.setup)
        if source.lease is not None:
            (self.run_dir / "lease.json").write_text(json.dumps(source.lease))
        (self.run_dir / "payload.json").write_text(json.dumps(payload(source)))

    def _write(self, name: str, variables: Mapping[str, str]) -> None:
        lines = (f"{key}={shlex.quote(value)}\n" for key, value in sorted(variables.items()))
        (self.run_dir / name).write_text("".join(lines))

    def _variables(self, tree: str, source: Source) -> dict[str, str]:
        values = {
            "RUN_ID": self.run_id,
            "TREE": tree,
            "ARCHIVE": self.archive,
            "RUNTIME": self.runtime,
            "SUBDIRECTORY": source.subdirectory,
            "WORK_DIR": self.work_dir,
            "STATUS_DIR": self.status_dir,
            "DATA_DIR": self.home / "store/data",
            "CHECKPOINT_DIR": self.home / "store/checkpoints",
            "RESULTS_DIR": self.home / "store/results",
            "SHARE": self.home / "share",
            "TOOLS": self.home / "share/tools",
        }
        return {f"THESEUS_{name}": str(value) for name, value in values.items()}

    def _pack(self, files: Mapping[str, str | bytes]) -> str:
        repository = self.home / "repositories" / self.run_id
        for name, content in files.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        git(repository, "init", "-q")
        git(repository, "add", "-Af")
        identity = ("-c", "user.name=t", "-c", "user.email=t@t")
        git(repository, *identity, "commit", "-qm", "t", "--allow-empty")
        self.archive.parent.mkdir(parents=True, exist_ok=True)
        git(repository, "archive", "--format=tar.gz", "-o", str(self.archive), "HEAD")
        return git(repository, "rev-parse", "HEAD^{tree}").strip()

    def another(self, run_id: str, source: Source) -> "Site":
        """The same host with the run directory of another run, laid."""
        other = evolve(self, run_id=run_id)
        other.environment = self.environment
        other.lay(source)
        return other

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the bootstrap as the launch step does; its log is beside the run directory."""
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                ["bash", self.run_dir / "bootstrap.sh", self.run_dir, *words],
                cwd="/",
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self) -> int:
        """Run the bootstrap to its end; its exit status."""
        return self.start().wait(timeout=60)

    @property
    def log(self) -> str:
        """All that was printed."""
        return (self.home / "log").read_text(errors="replace")

    @property
    def outcome(self) -> dict[str, Any]:
        """The content of outcome.json."""
        return read(self.run_dir / "outcome.json")

    @property
    def metadata(self) -> dict[str, Any]:
        """The content of metadata.json."""
        return read(self.status_dir / "metadata.json")


def payload(source: Source) -> dict[str, Any]:
    """The payload of *source*, by default a command on a CPU."""
    hardware = {
        "chip": "cpu",
        "total_chips": 1,
        "nodes": 1,
        "chips_per_node": 1,
        "n_shards": None,
        "host": "here",
        "cluster": CLUSTER,
    }
    return {
        "version": 1,
        "run": {"id": "r1", "name": "my-run", "project": "proj", "group": "exp"},
        "job": source.job or {"key": "command", "module": None, "paths": ["."]},
        "config": source.config if source.job else {"command": source.command, **source.config},
        "hardware": {**hardware, **source.hardware},
    }


def read(path: Path) -> dict[str, Any]:
    """The JSON object in *path*."""
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def git(directory: Path, *words: str) -> str:
    """What git prints."""
    directory.mkdir(parents=True, exist_ok=True)
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        ["git", *words],
        cwd=directory,
        env={**os.environ, **quiet},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def until(true: Callable[[], bool]) -> None:
    """Wait until *true*, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "waited ten seconds"
        time.sleep(0.02)
