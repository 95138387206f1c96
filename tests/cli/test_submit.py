"""`theseus submit` on this very machine: shipped, started, followed, or told why not."""

import json
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import here, job, outcome_in, submitted
from theseus.base.job import valid_name

pytestmark = pytest.mark.slow

PYTHON_JOB = """\
import os
from pathlib import Path

from theseus.registry import job


@job("probe/look")
def look(cfg, spec):
    print("width", cfg.model.width, "chips", spec.hardware.total_chips, spec.project)
    spec.result_path("seen.txt").write_text(Path("data.txt").read_text())
    if cfg.get("break"):
        raise RuntimeError("the loss is not a number")
"""


def test_follow(desk: Desk) -> None:
    """The log comes to standard output, all else to the other, and the status is the job's."""
    job(desk, "echo first; echo problem >&2; echo last")
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status == 0
    assert [line for line in finished.out.splitlines() if not line.startswith("theseus: ")] == [
        "first",
        "problem",
        "last",
    ]
    said = finished.err.splitlines()
    assert all(line.startswith("theseus: ") for line in said)
    assert "goes to box: needs no chips" in said[0]
    assert re.search(r"run \S+ completed with exit status 0", finished.err)
    assert "results: ~/root/results/project/default/demo/" in said[-1]


def test_failing_job(desk: Desk) -> None:
    """A job that fails gives its own exit status, and its work directory is kept and named."""
    job(desk, "echo before; exit 3")
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status == 3
    assert "before" in finished.out
    assert "failed with exit status 3" in finished.err
    assert "Traceback" not in finished.err
    (kept,) = (desk.home / "work" / "project" / "default" / "demo").iterdir()
    assert (kept / "job.sh").exists()
    assert str(kept) in finished.out + finished.err or f"~/{kept.relative_to(desk.home)}" in (
        finished.out + finished.err
    )


def test_submit_returns_at_once(desk: Desk) -> None:
    """Without --follow it answers as soon as the run has started; the run goes on by itself."""
    job(desk, "until test -e ~/go; do sleep 0.05; done; echo went")
    run = submitted(desk, "-p", "proj", "-g", "exp")
    assert {"run", "host", "answer", "again", "log", "work", "results"} <= set(run.said)
    assert (run.said["host"], run.said["again"]) == ("box", False)
    pid = int(run.said["answer"].split()[0])
    assert Path(f"/proc/{pid}").exists()
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "completed"
    assert "went" in run.place("log").read_text()
    assert run.said["log"] == f"~/work/logs/proj-exp-demo-{run.run_id}.log"
    metadata = here(desk, f"~/root/status/proj/exp/demo/{run.run_id}/metadata.json")
    assert json.loads(metadata.read_text())["state"] == "completed"


def test_registered_job(desk: Desk) -> None:
    """A job of the project runs in the directory where the user stands, with its config."""
    desk.write("deep/jobs/__init__.py", "")
    desk.write("deep/jobs/probe.py", PYTHON_JOB)
    desk.write("deep/data.txt", "the data")
    desk.write("deep/run.yaml", "job: probe/look\nrequest: {min_chips: 0}\nmodel: {width: 8}\n")
    desk.commit()
    deep = Desk(desk.place, {}, "project/deep")
    words = ("submit", "demo", "run.yaml", "--load", "jobs.probe", "model.width=16", "--follow")
    finished = deep.theseus(*words)
    assert finished.status == 0, finished.out + finished.err
    assert "width 16 chips" in finished.out
    (results,) = (desk.home / "root/results/project/default/demo").iterdir()
    assert (results / "seen.txt").read_text() == "the data"
    broken = deep.theseus(*words, "+break=true")
    assert broken.status == 1
    assert "RuntimeError: the loss is not a number" in broken.out
    assert "Traceback" not in broken.err


def test_uv_failing(desk: Desk) -> None:
    """When uv cannot make the environment, that is said with what uv said and what to do."""
    desk.write(
        "pyproject.toml", '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\n'
    )
    desk.write("uv.lock", "version = 1\n")
    desk.program(
        "uv", 'test "$1" = --version && echo "uv 0.13.0" && exit; echo "no space" >&2; exit 2'
    )
    desk.commit()
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status == 2
    assert "uv sync failed" in finished.err
    assert "no space" in finished.err
    assert "Traceback" not in finished.out + finished.err


def test_project_without_lock(desk: Desk) -> None:
    """A project whose lock file is missing is not built from whatever there is today."""
    desk.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\n')
    desk.commit()
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status != 0
    assert "uv lock" in finished.err


def test_tree_is_sent_once(desk: Desk) -> None:
    """A second submission of the same tree finds it there; both runs have it."""
    desk.write("big.bin", bytes(range(256)) * 4000)
    desk.commit()
    trees = desk.home / "work" / ".dispatch" / "trees"
    first = submitted(desk)
    (archive,) = trees.iterdir()
    written = archive.stat().st_ino
    second = submitted(desk)
    assert [path.stat().st_ino for path in trees.iterdir()] == [written]
    assert {first.outcome()["state"], second.outcome()["state"]} == {"completed"}
    assert first.run_id != second.run_id


def test_dirty(desk: Desk) -> None:
    """--dirty ships what is not committed; without it one warning counts it."""
    desk.write("train.yaml", "job: command\nrequest: {min_chips: 0}\ncommand: [cat, new.txt]\n")
    desk.write("new.txt", "not committed\n")
    clean = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert clean.status == 1
    assert clean.err.count("2 uncommitted changes not shipped") == 1
    dirty = desk.theseus("submit", "demo", "train.yaml", "--follow", "--dirty")
    assert dirty.status == 0
    assert "not committed" in dirty.out
    assert "not shipped" not in dirty.err


@pytest.mark.parametrize(
    "name",
    ['it\'s "a" run', "  two  spaces ", "$HOME `id` \\ *?[x]", "ünï\u00a0cödé 🚀", "a;b|c&d"],
)
def test_names_arrive(desk: Desk, name: str) -> None:
    """Any name that is allowed arrives as it is: in the environment, the log's name, the paths."""
    assert valid_name(name) is None
    root = '~/it\'s "the" root, $HOME'
    desk.write(
        str(desk.home / ".theseus.yaml"),
        json.dumps(
            {
                "clusters": {"hpc": {"root": root, "work": "~/work/ x"}},
                "hosts": {"a host's": {"type": "plain", "cluster": "hpc", "transport": "local"}},
            }
        ),
    )
    job(
        desk, 'printf "%s\\n" "$THESEUS_NAME" "$THESEUS_PROJECT" "$EXTRA" >"$THESEUS_RESULTS_DIR/n"'
    )
    words = ("submit", name, "train.yaml", "-p", f"{name}.", "-g", f"g {name}", "--follow")
    finished = desk.theseus(*words, "--env", f"EXTRA={name}\n'end")
    assert finished.status == 0, finished.out + finished.err
    (results,) = (here(desk, root) / "results" / f"{name}." / f"g {name}" / name).iterdir()
    assert (results / "n").read_text() == f"{name}\n{name}.\n{name}\n'end\n"


def test_environment_of_the_job(desk: Desk) -> None:
    """Variables come from the cluster, the host above it, the command line above both."""
    desk.write(
        str(desk.home / ".theseus.yaml"),
        "clusters: {hpc: {root: ~/root, work: ~/work, env: {A: cluster, B: cluster, C: cluster}}}\n"
        "hosts:\n  box: {type: plain, cluster: hpc, transport: local, env: {B: host, C: host},\n"
        "        setup: ['export D=\"setup of ${USER:-$HOME}\"']}\n",
    )
    job(desk, 'echo "<$A $B $C $D>"; echo "<$THESEUS_RUN_ID $THESEUS_RESTART_COUNT>"; pwd')
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow", "--env", "C=flag")
    assert f"<cluster host flag setup of {desk.home}>" in finished.out
    assert re.search(r"<\d{8}-\d{6}-\w{6} 0>", finished.out)


def test_interrupted_follow(desk: Desk) -> None:
    """Ctrl-C ends the following, not the run."""
    job(desk, "echo started; until test -e ~/go; do sleep 0.05; done; echo went")
    with desk.start("submit", "demo", "train.yaml", "--follow") as process:
        assert process.stdout is not None
        while b"started" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert re.search(rb"theseus: interrupted; run \S+ goes on; its log is ~/work/logs/", err)
    assert re.search(rb"`theseus logs -f \S+` comes back to it", err)
    (desk.home / "go").touch()
    (log,) = (desk.home / "work" / "logs").iterdir()
    run_id = log.stem.removeprefix("project-default-demo-")
    outcome = outcome_in(desk.home / "work/.dispatch/runs" / run_id)
    assert outcome["state"] == "completed"


def test_disk_full_here(desk: Desk) -> None:
    """A place that cannot be written is said with the step and the place, and nothing starts."""
    (desk.home / "work").write_text("a file where the directory should be")
    finished = desk.theseus("submit", "demo", "train.yaml")
    assert finished.status == 1
    assert "step 1 failed on box" in finished.err
    assert "mkdir" in finished.err
    assert "Traceback" not in finished.err


def test_own_python_is_the_clients_alone(desk: Desk) -> None:
    """The client's virtual environment is not the job's."""
    job(desk, 'echo "<${VIRTUAL_ENV-}${PYTHONHOME-}>"; command -v python3')
    variables = {"VIRTUAL_ENV": sys.prefix}
    finished = Desk(desk.place, variables).theseus("submit", "demo", "train.yaml", "--follow")
    assert "<>" in finished.out
