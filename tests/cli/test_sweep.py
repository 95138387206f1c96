"""Sweeps on this very machine: many runs from one command, each a run like any other."""

import json

import pytest

from tests.cli.desk import Desk
from tests.cli.gpus import pretend_gpus
from tests.cli.runs import outcome_in

pytestmark = pytest.mark.slow

SEEDED = """\
from theseus.registry import job

@job("seeded")
def seeded(cfg, spec):
    spec.result_path("seed").write_text(f"{cfg.seed} {cfg.lr} {spec.name}")
"""


@pytest.fixture
def sweeping(desk: Desk) -> Desk:
    """A desk whose job keeps what it was told."""
    desk.write("jobs.py", SEEDED)
    desk.write("pyproject.toml", '[tool.theseus]\njobs = ["jobs"]\n')
    desk.write("train.yaml", "job: seeded\nrequest: {min_chips: 0}\nseed: 0\nlr: 0.1\n")
    desk.commit()
    return desk


def results(desk: Desk, *words: str) -> list[str]:
    """What the runs of a sweep have kept, in order, once they have ended."""
    finished = desk.theseus("submit", "scan", "train.yaml", "--json", *words)
    assert finished.status == 0, finished.err
    kept = []
    for run in json.loads(finished.out):
        outcome = outcome_in(desk.home / "work" / ".dispatch" / "runs" / run["run"])
        assert outcome["state"] == "completed"
        kept.append((desk.home / run["results"].removeprefix("~/") / "seed").read_text())
    return kept


def test_every_combination(sweeping: Desk) -> None:
    """Every combination is a run with its own config and name; the source was sent once."""
    axes = ("--sweep", "lr=0.5,0.25", "--sweep", "seed=range(2)")
    assert results(sweeping, *axes) == [
        "0 0.5 scan-0",
        "1 0.5 scan-1",
        "0 0.25 scan-2",
        "1 0.25 scan-3",
    ]
    assert len(list((sweeping.home / "work" / ".dispatch" / "trees").iterdir())) == 1


def test_file_of_runs(sweeping: Desk) -> None:
    """A line of a file is a run; values of the command line are for each of them."""
    sweeping.write("runs.txt", "seed=7  # the good one\n\nseed=8 lr=9\n")
    assert results(sweeping, "--runs", "runs.txt", "lr=1") == ["7 1 scan-0", "8 9 scan-1"]


def test_shown_first(sweeping: Desk) -> None:
    """`plan` shows every run with its overrides, and as JSON the plan of each; nothing is sent."""
    words = ("plan", "scan", "train.yaml", "--sweep", "seed=1,2", "--dry-run")
    shown = sweeping.theseus(*words)
    assert "Sweep 'scan'" in shown.out
    assert "seed=2" in shown.out
    plans = json.loads(sweeping.theseus(*words, "--json").out)["plans"]
    assert [plan["run"]["name"] for plan in plans] == ["scan-0", "scan-1"]
    assert not (sweeping.home / "work").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--sweep", "sed=1,2"), "sed is no key of the job config; did you mean 'seed'?"),
        (("--sweep", "seed"), "--sweep seed: expected KEY=VALUE,VALUE or KEY=range(8)"),
        (("--runs", "nowhere"), "file of runs nowhere: no such file or directory; check --runs"),
        (("--runs", "quote.txt"), "quote.txt:1: no closing quotation"),
        (("--runs", "empty.txt"), "empty.txt: it lists no runs"),
        (("--sweep", "seed=1,2", "--follow"), "--follow: is for one run, and this is a sweep"),
    ],
)
def test_bad_input(sweeping: Desk, words: tuple[str, ...], problem: str) -> None:
    """What is wrong with a sweep is said on one line, and nothing is sent."""
    sweeping.write("quote.txt", "seed='1\n")
    sweeping.write("empty.txt", "# none\n")
    finished = sweeping.theseus("submit", "scan", "train.yaml", *words)
    assert (finished.status, finished.out) == (2, "")
    assert problem in finished.err
    assert len(finished.err.splitlines()) == 1
    assert not (sweeping.home / "work").exists()


def test_gpus_of_each(sweeping: Desk) -> None:
    """Runs that hold GPUs of one machine at the same time hold different ones."""
    pretend_gpus(sweeping, 4)
    held = """\
from os import environ
from pathlib import Path
from time import sleep
from theseus.registry import job

@job("seeded")
def seeded(cfg, spec):
    here = Path.home() / "held"
    here.mkdir(exist_ok=True)
    (here / str(cfg.seed)).touch()
    while len(list(here.iterdir())) < 4:
        sleep(0.05)
    spec.result_path("seed").write_text(environ["CUDA_VISIBLE_DEVICES"])
"""
    sweeping.write("jobs.py", held)
    sweeping.commit()
    words = ("--chip", "h100", "-n", "1", "--sweep")
    kept = results(sweeping, *words, "seed=range(4)")
    assert len(set(kept)) == len([each for each in kept if each.startswith("GPU-")]) == 4
    many = sweeping.theseus("submit", "scan", "train.yaml", *words, "seed=range(5)")
    assert (many.status, "4 of 5 runs fit now" in many.err) == (3, True), many.err


def test_all_or_nothing(sweeping: Desk) -> None:
    """Where a run fits nowhere, none is sent, and the table says why."""
    words = ("--sweep", "request.min_chips=0,64")
    finished = sweeping.theseus("submit", "scan", "train.yaml", *words)
    assert finished.status == 3
    assert "1 of 2 runs fit now" in finished.err
    assert not (sweeping.home / "work").exists()


def test_by_its_name(sweeping: Desk) -> None:
    """A sweep's name means all its runs to those who show, wait, print or end them."""
    kept = results(sweeping, "--sweep", "seed=range(3)")
    shown = json.loads(sweeping.theseus("ps", "scan", "--json").out)
    assert sorted(row["name"] for row in shown) == ["scan-0", "scan-1", "scan-2"]
    assert len(kept) == len(shown)
    assert sweeping.theseus("wait", "scan").err.count("completed") == 3
    logs = sweeping.theseus("logs", "scan").out
    assert [line.split()[1] for line in logs.splitlines() if line.startswith("==>")] == [
        "scan-0",
        "scan-1",
        "scan-2",
    ]
    followed = sweeping.theseus("logs", "-f", "scan")
    assert (followed.status, "name the one to follow" in followed.err) == (2, True)
    ended = sweeping.theseus("cancel", "scan")
    assert (ended.status, ended.err.count("completed")) == (0, 3)
