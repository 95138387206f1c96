"""Jobs registered with @job, run by the shipped runtime."""

import json
from typing import Any

import pytest

from tests.runtime.host import Site, Source
from tests.runtime.test_hardware import nvidia_smi

pytestmark = pytest.mark.slow

MODULE = """\
import json, os, subprocess, sys
from theseus.registry import job

@job("toy/train")
def train(cfg, spec):
    from toy.part import NAME
    found = {
        "lr": cfg.optim.lr, "url": cfg.url,
        "id": spec.id, "name": [spec.name, spec.project, spec.group],
        "chip": spec.hardware.chip.name, "chips": spec.hardware.total_chips,
        "root": spec.hardware.hosts[0].cluster.root, "work": str(spec.work_dir), "cwd": os.getcwd(),
        "here": os.path.isdir(spec.checkpoint_dir) and os.path.isdir(spec.data_dir),
        "main": spec.is_main, "distributed": spec.distributed, "restarts": spec.restart_count,
        "secrets": [name for name in os.environ if "SECRET" in name], "part": NAME,
        "replicas": spec.topology.replicas, "argv": sys.argv,
        "grandchild": subprocess.check_output(
            [sys.executable, "-c", "from toy.part import NAME; print(NAME)"], text=True).strip(),
    }
    spec.result_path("found.json").write_text(json.dumps(found))

@job("toy/raise")
class Raise:
    def __init__(self, cfg, spec):
        self.cfg = cfg

    def __call__(self):
        raise ValueError(f"no step {self.cfg.step}\\nand more")

def square(number):
    return number * number

@job("toy/spawn")
def spawn(cfg, spec):
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("squares", pool.map(square, [2, 3]))

@job("toy/exit")
def leave(cfg, spec):
    sys.exit(9)
"""
FILES = {"src/toy/__init__.py": "", "src/toy/jobs.py": MODULE, "src/toy/part.py": "NAME = 'part'\n"}


CONFIG = {"optim": {"lr": 0.1}, "url": "redis://db"}


def toy(key: str, **others: Any) -> Source:
    """A run of a job in the project *toy*."""
    job = {"key": f"toy/{key}", "module": "toy.jobs", "paths": ["src", "."]}
    return Source(files=FILES, job=job, **others)


def test_what_a_job_is_told(site: Site) -> None:
    """A job gets its config with secrets filled in, and a spec with what was found out."""
    url = {"$secret": ["redis://:", {"variable": "THESEUS_SECRET_0"}, "@db"]}
    config = {"optim": {"lr": 0.1}, "url": url, "clip": float("inf")}
    site.lay(toy("train", config=config, secrets={"THESEUS_SECRET_0": "p'w"}))
    assert site.run() == 0, site.log
    found = json.loads((site.home / "store/results/found.json").read_text())
    assert (found["lr"], found["url"]) == (0.1, "redis://:p'w@db")
    assert (found["id"], found["name"]) == ("r1", ["my-run", "proj", "exp"])
    assert (found["chip"], found["chips"]) == ("cpu", 1)
    assert found["root"] == str(site.home / "store")
    assert found["work"] == found["cwd"] == str(site.work_dir)
    assert (found["here"], found["main"], found["distributed"]) == (True, True, False)
    assert (found["restarts"], found["replicas"]) == (0, 1)
    assert found["secrets"] == []
    assert found["part"] == found["grandchild"] == "part"
    assert found["argv"] == ["toy/train"]
    assert "p'w" not in json.dumps(site.metadata)
    assert site.metadata["config"] == {"optim": {"lr": 0.1}, "url": "***", "clip": "inf"}


def test_what_a_generic_request_became(site: Site) -> None:
    """A job that asked for any chips is told which it has, where, and how they can be shared."""
    site.tool("nvidia-smi", nvidia_smi("eight-gpus"))
    generic = {"chip": None, "total_chips": 2, "chips_per_node": 2, "n_shards": 2}
    site.lay(
        toy("train", hardware=generic, config=CONFIG, variables={"CUDA_VISIBLE_DEVICES": "2,3"})
    )
    assert site.run() == 0, site.log
    found = json.loads((site.home / "store/results/found.json").read_text())
    assert (found["chip"], found["chips"], found["replicas"]) == ("a100-sxm4-80gb", 2, 1)
    assert found["root"] == str(site.home / "store")


def test_what_a_request_for_cpus_became(site: Site) -> None:
    """A job that asked for no chips has one CPU, whatever is in the machine."""
    site.tool("nvidia-smi", nvidia_smi("eight-gpus"))
    none = {"chip": None, "total_chips": 0, "chips_per_node": 0}
    site.lay(toy("train", hardware=none, config=CONFIG, variables={"CUDA_VISIBLE_DEVICES": ""}))
    assert site.run() == 0, site.log
    found = json.loads((site.home / "store/results/found.json").read_text())
    assert (found["chip"], found["chips"], found["replicas"]) == ("cpu", 1, 1)


def test_a_job_that_raises(site: Site) -> None:
    """The traceback in the log is the user's own, and the outcome holds what it says."""
    site.lay(toy("raise", config={"step": 3}))
    assert site.run() == 1
    assert site.outcome["message"].startswith("ValueError: no step 3")
    assert "src/toy/jobs.py" in site.log
    assert "theseus/runtime" not in site.log
    assert "theseus/registry" not in site.log


def test_a_job_that_leaves_by_sys_exit(site: Site) -> None:
    """The status of sys.exit is the run's."""
    site.lay(toy("exit"))
    assert site.run() == 9
    assert site.outcome["message"] == "ended with exit status 9"


def test_a_job_with_workers(site: Site) -> None:
    """Processes that a job spawns find the job's code, as data loaders need."""
    site.lay(toy("spawn"))
    assert site.run() == 0, site.log
    assert "squares [4, 9]" in site.log


def test_a_module_that_does_not_define_the_job(site: Site) -> None:
    """A key the module does not register is said."""
    site.lay(toy("nothing"))
    assert site.run() == 1
    assert "toy/nothing" in site.outcome["message"]


def test_a_module_that_cannot_be_imported(site: Site) -> None:
    """What the import raised is the reason."""
    job = {"key": "a", "module": "no_such_module", "paths": ["."]}
    site.lay(Source(job=job))
    assert site.run() == 1
    assert "No module named 'no_such_module'" in site.outcome["message"]


def test_a_secret_that_is_missing(site: Site) -> None:
    """A config whose secret was not sent is refused, naming the variable."""
    site.lay(toy("train", config={"a": {"$secret": [{"variable": "THESEUS_SECRET_7"}]}}))
    assert site.run() == 1
    assert "THESEUS_SECRET_7" in site.outcome["message"]


def test_a_project_with_a_theseus_of_its_own(site: Site) -> None:
    """A project's own package named theseus does not stand in for the shipped runtime."""
    files = {**FILES, "theseus/__init__.py": "raise SystemExit('not this one')"}
    job = {"key": "toy/exit", "module": "toy.jobs", "paths": [".", "src"]}
    site.lay(Source(files=files, job=job))
    assert site.run() == 9


def test_a_payload_of_another_version(site: Site) -> None:
    """A payload this runtime does not know is refused, and the end recorded."""
    site.lay(Source())
    (site.run_dir / "payload.json").write_text('{"version": 99}')
    assert site.run() == 1
    assert "version 99" in site.outcome["message"]
    assert site.outcome["state"] == "failed"


def test_a_command_gets_the_secrets_of_its_config(site: Site) -> None:
    """A secret inside the argv of a command is filled in, and no variable carries it."""
    word = {"$secret": [{"variable": "THESEUS_SECRET_0"}]}
    script = 'echo "got $1"; env | grep -c THESEUS_SECRET || true; echo "path ${PYTHONPATH-none}"'
    site.lay(Source(command=("bash", "-c", script, "x", word), secrets={"THESEUS_SECRET_0": "s 1"}))
    assert site.run() == 0
    assert "got s 1\n0\npath none\n" in site.log


def test_the_variables_every_job_gets(site: Site) -> None:
    """Run, directories and processes are in the environment; what the user set is kept."""
    names = "THESEUS_RUN_ID THESEUS_RESTART_COUNT RANK WORLD_SIZE LOCAL_RANK NODE_RANK MASTER_ADDR"
    more = "JAX_NUM_PROCESSES JAX_PROCESS_ID MASTER_PORT"
    script = f'for name in {names} {more}; do echo "$name=${{!name}}"; done'
    site.lay(Source(command=("bash", "-c", script), variables={"MASTER_PORT": "1234"}))
    assert site.run() == 0
    expected = ("r1", "0", "0", "1", "0", "0", "127.0.0.1", "1", "0", "1234")
    for name, value in zip(f"{names} {more}".split(), expected, strict=True):
        assert f"{name}={value}\n" in site.log
