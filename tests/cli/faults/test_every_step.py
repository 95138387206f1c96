"""A client is killed, or its connection cut, at every step of a plan: one run comes of it, no more.

`doc/reliability.md` has the figures; what it says must be what is tried here.
"""

import json
import re
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk
from tests.cli.faults.scheduler import jobs, pretend_slurm
from tests.cli.runs import job, outcome_in

pytestmark = pytest.mark.slow
INTRUDER = Path(__file__).with_name("intruder.py")
BASH = shutil.which("bash") or "/bin/bash"
# others start bash too, interpreters of scripts among them
IN_THE_WAY = """if [ -e "$HOME/strike" ] && [ "$*" = '--noprofile --norc -s' ]; then"""
DOC = Path(__file__).resolve().parents[3] / "doc" / "reliability.md"
FAULTS = (("before", "kill"), ("during", "cut"), ("after", "kill"), ("after", "cut"))
PLAIN_STEPS, SLURM_STEPS = 14, 15
TRIED: Counter[str] = Counter()


def planned(inside: Inside, desk: Desk) -> tuple[str, int]:
    """A saved plan of `train.yaml`, and how many steps it has."""
    path = str(desk.place / "plan.json")
    finished = inside(desk, "plan", "demo", "train.yaml", "-o", path)
    assert finished.status == 0, finished.err
    return path, len(json.loads(Path(path).read_text())["steps"])


def strike(desk: Desk, step: int, when: str, how: str) -> None:
    """Have the next client struck at *step*."""
    words = [sys.executable, INTRUDER, desk.home / "strike", BASH]
    intruder = shlex.join(str(word) for word in words)
    desk.program("bash", f'{IN_THE_WAY} exec {intruder} "$@"; fi\nexec {BASH} "$@"')
    desk.write(str(desk.home / "strike"), json.dumps({"step": step, "when": when, "how": how}))


def struck(desk: Desk, plan: str, how: str) -> None:
    """Apply *plan*, with a client that does not live to see the end, or loses its connection."""
    finished = desk.theseus("apply", plan)
    assert not (desk.home / "strike").exists(), "the step came by"
    assert finished.status == -9 if how == "kill" else finished.status in {1, 4, 5}, finished.err


def settled(inside: Inside, desk: Desk, plan: str) -> None:
    """Apply *plan* again: the run is there, and the ledger knows."""
    finished = inside(desk, "apply", plan, "--force")
    assert finished.status == 0, finished.err
    (row,) = json.loads(inside(desk, "ps", "--json").out)
    assert row["state"] in {"completed", "running", "queued"}


@pytest.mark.parametrize("step", range(PLAIN_STEPS))
def test_plain(inside: Inside, desk: Desk, step: int) -> None:
    """On a plain host one process is started, whatever happens at this step."""
    for when, how in FAULTS:
        count = desk.home / f"count-{when}-{how}"
        job(desk, f"echo ran >>{count}")
        plan, steps = planned(inside, desk)
        assert steps == PLAIN_STEPS
        strike(desk, step, when, how)
        struck(desk, plan, how)
        settled(inside, desk, plan)
        run = json.loads(Path(plan).read_text())["run"]["id"]
        assert outcome_in(desk.home / "work/.dispatch/runs" / run)["state"] == "completed"
        assert count.read_text() == "ran\n"
        (desk.home / ".local/state/theseus/ledger.sqlite").unlink()
        TRIED["plain"] += 1


@pytest.mark.parametrize("step", range(SLURM_STEPS))
def test_slurm(inside: Inside, desk: Desk, step: int) -> None:
    """SLURM gets one job, whatever happens at this step."""
    pretend_slurm(desk)
    job(desk, "true")
    for number, (when, how) in enumerate(FAULTS, 1):
        plan, steps = planned(inside, desk)
        assert steps == SLURM_STEPS
        strike(desk, step, when, how)
        struck(desk, plan, how)
        settled(inside, desk, plan)
        assert len(jobs(desk)) == number
        (desk.home / ".local/state/theseus/ledger.sqlite").unlink()
        TRIED["slurm"] += 1


def test_figures() -> None:
    """The figures in the documentation are those of the faults that are tried here."""
    row = re.compile(r"^\| (plain|slurm)[^|]*\| (\d+) \| 0 \| 0 \|$", re.MULTILINE)
    each = len(FAULTS)
    assert dict(row.findall(DOC.read_text())) == {
        "plain": str(PLAIN_STEPS * each),
        "slurm": str(SLURM_STEPS * each),
    }
    for kind, number in TRIED.items():
        sys.stdout.write(f"{kind}: {number} faults tried, 0 runs lost, 0 doubled\n")
