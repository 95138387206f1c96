"""Looking at runs: one exchange a host, whatever lies there; what cannot be asked is said so."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE

import pytest
from attrs import evolve, frozen

from tests.effects.ledger_writer import a_plan
from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import Unreachable
from theseus.core.runs.sighting import InQueue, NoJob, NotTold, Sighting
from theseus.effects.perform.local import local_shell
from theseus.effects.perform.reach import shells
from theseus.effects.runs.sighting import aliases_of_plans, look

FIRST, SECOND, THIRD = (f"20261124-120000-{letter * 6}" for letter in "abc")


@frozen
class Host:
    """This machine as a host, with its *home* and stand-ins for SLURM's programs."""

    home: Path

    def run_dir(self, run_id: str) -> Path:
        """The directory of a run."""
        return self.home / "work/.dispatch/runs" / run_id

    def put(self, run_id: str, **files: str) -> Path:
        """Have a run there with *files*."""
        place = self.run_dir(run_id)
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (place / name.replace("_", ".")).write_text(content)
        return place

    def metadata(self, run_id: str, state: str, seconds_ago: float) -> None:
        """Have the metadata that a run wrote a while ago."""
        file = self.home / "root/status/project/default/demo" / run_id / "metadata.json"
        file.parent.mkdir(parents=True)
        beat = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        nested = {"state": "of no run", "heartbeat": "never"}
        fields = {"config": nested, "state": state, "heartbeat": beat}
        file.write_text(json.dumps(fields, indent=1))

    def program(self, name: str, text: str) -> None:
        """Put a script on the PATH."""
        file = self.home / "bin" / name
        file.write_text(f'#!/bin/sh\necho "$0 $*" >>"$HOME/asked"\n{text}\n')
        file.chmod(0o755)

    def asked(self) -> list[str]:
        """What SLURM's programs were asked, one call a line."""
        file = self.home / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def seen(self, *run_ids: str) -> Mapping[str, Sighting | Unreachable]:
        """What is seen of runs here."""
        return asyncio.run(look(local_shell, [a_plan(run_id) for run_id in run_ids]))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host where all runs have a place and none is there."""
    made = Host(tmp_path)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return made


def sighting(found: Mapping[str, Sighting | Unreachable], run_id: str = FIRST) -> Sighting:
    """The sighting of a run, of a host that answered."""
    seen = found[run_id]
    assert isinstance(seen, Sighting), seen
    return seen


@contextmanager
def process() -> Iterator[tuple[int, str]]:
    """A process, and how an answer names it."""
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as started:
        try:
            stat = Path(f"/proc/{started.pid}/stat").read_text()
            start = stat.rpartition(")")[2].split()[19]
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            yield started.pid, f"{started.pid} {start} {boot}"
        finally:
            started.kill()


def test_nothing_there(host: Host) -> None:
    """A share that is not there is told apart from a run that is not."""
    assert sighting(host.seen(FIRST)) == Sighting()
    host.put(SECOND)
    assert sighting(host.seen(FIRST)) == Sighting(place=True)


def test_process(host: Host) -> None:
    """A process is alive only when number, start time and boot id are those of the answer."""
    with process() as (_, answer):
        pid, start, boot = answer.split()
        host.put(FIRST, answer=f"{answer}\n")
        host.put(SECOND, answer=f"{pid} {int(start) - 1} {boot}\n")
        host.put(THIRD, answer=f"{pid} {start} {'0' * 8}{boot[8:]}\n")
        found = host.seen(FIRST, SECOND, THIRD)
        states = [sighting(found, each).process for each in (FIRST, SECOND, THIRD)]
        assert states == ["alive", "gone", "rebooted"]
        host.put(SECOND, answer=f"{pid} 0 -\n")
        assert sighting(host.seen(SECOND), SECOND).process == "unknown"
    assert sighting(host.seen(FIRST)).process == "gone"


def test_outcome_and_heartbeat(host: Host) -> None:
    """Outcome and heartbeat are those of the run, not what its config or message says."""
    outcome = {
        "state": "failed",
        "exit_status": 3,
        "message": '"state": "completed"\n',
        "ended_at": None,
    }
    host.put(FIRST, outcome_json=json.dumps(outcome, indent=1), answer="1 2 -\n")
    host.put(SECOND, answer="1 2 -\n")
    host.metadata(SECOND, "running", 40)
    found = host.seen(FIRST, SECOND)
    end = sighting(found).end
    assert end is not None
    assert (end.state, end.exit_status) == ("failed", 3)
    seen = sighting(found, SECOND)
    assert seen.said == "running"
    assert seen.silence is not None
    assert 39 <= seen.silence < 80


def test_second_look(host: Host) -> None:
    """A process that ended just now gets a second more for its outcome to be seen."""
    place = host.put(FIRST, answer="999999999 1 -\n")
    late = f'sleep 0.4; echo \'{{"state": "completed"}}\' >{place}/outcome.json'
    with subprocess.Popen(["sh", "-c", late]):
        seen = sighting(host.seen(FIRST))
    assert seen.process == "gone"
    assert seen.end is not None


def slurm_runs(host: Host, *run_ids: str) -> None:
    """Have SLURM runs with the job ids 1, 2, 3 …"""
    for number, run_id in enumerate(run_ids, 1):
        host.put(run_id, answer=f"slurm {number}\n", batch_sh="", launched="")


def test_one_question_for_all_jobs(host: Host) -> None:
    """One squeue serves all jobs of a host; accounting is not asked without need."""
    slurm_runs(host, FIRST, SECOND)
    host.program("squeue", "printf '1|RUNNING|None|x\\n2|PENDING|Resources|(null)\\n'")
    host.program("sacct", "exit 1")
    found = host.seen(FIRST, SECOND)
    assert sighting(found).job == InQueue("1", "RUNNING", "None")
    assert sighting(found, SECOND).job == InQueue("2", "PENDING", "Resources")
    (asked,) = host.asked()
    assert "squeue -h -r -t all -u" in asked


def test_accounting(host: Host) -> None:
    """A job that squeue forgot is looked up in accounting, from the day before the run's."""
    slurm_runs(host, FIRST, SECOND)
    host.program("squeue", "echo '1|RUNNING|None|x'")
    host.program("sacct", f"echo '2|CANCELLED by 7|it|s-{SECOND}'")
    found = host.seen(FIRST, SECOND)
    assert sighting(found).job == InQueue("1", "RUNNING", "None")
    assert sighting(found, SECOND).job == InQueue("2", "CANCELLED", "")
    assert "-S 2026-11-23" in host.asked()[-1]
    host.program("sacct", "echo '2|FAILED|an older job of this number'")
    assert sighting(host.seen(FIRST, SECOND), SECOND).job == NoJob(accounted=True)


def test_no_accounting(host: Host) -> None:
    """Where there is no accounting, that is said, and the job is not known."""
    slurm_runs(host, FIRST)
    host.program("squeue", "")
    host.program("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert sighting(host.seen(FIRST)).job == NoJob(accounted=False)


def test_squeue_fails(host: Host) -> None:
    """A controller that does not answer is no controller without jobs."""
    slurm_runs(host, FIRST)
    host.program("squeue", "echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1")
    host.program("sacct", f"echo '1|FAILED|x-{FIRST}'")
    expected = NotTold("slurm_load_jobs error: Unable to contact")
    assert sighting(host.seen(FIRST)).job == expected
    assert len(host.asked()) == 1


def test_lost_answer(host: Host) -> None:
    """A job whose answer was lost is found by the comment that it carries."""
    host.put(FIRST, batch_sh="", launched="")
    host.program("squeue", f"echo '9|PENDING|Priority|theseus:{FIRST}'")
    seen = sighting(host.seen(FIRST))
    assert (seen.answer, seen.job) == ("slurm 9", InQueue("9", "PENDING", "Priority"))


def test_about_to_be_started(host: Host) -> None:
    """A run may be about to start while somebody is at it here, and for a minute in any case."""
    place = host.put(FIRST, batch_sh="")
    host.program("squeue", "true")
    assert not sighting(host.seen(FIRST)).starting
    with subprocess.Popen(["sh", "-c", "read _", f"{place}/bootstrap.sh"], stdin=PIPE) as building:
        assert sighting(host.seen(FIRST)).starting
        building.communicate()
    with process() as (_, identity):
        words = identity.rpartition(" ")[0]  # without the boot id
        (place / "claimed").write_text(f"{os.uname().nodename} {words}\n")
        assert sighting(host.seen(FIRST)).starting, "who has claimed it is still there"
        (place / "claimed").write_text(f"elsewhere {words}\n")
        assert not sighting(host.seen(FIRST)).starting
    (place / "launched").mkdir()
    assert sighting(host.seen(FIRST)).starting, "perhaps from another login node"
    then = time.time() - 120
    os.utime(place / "launched", (then, then))
    assert not sighting(host.seen(FIRST)).starting
    with subprocess.Popen(["sh", "-c", "read _", f"{place}/batch.sh"], stdin=PIPE) as sbatch:
        assert sighting(host.seen(FIRST)).starting
        sbatch.communicate()
    (place / "launched" / "ended").touch()
    assert not sighting(host.seen(FIRST)).starting, "nothing comes of it later"


def test_lost_answer_of_an_array(host: Host) -> None:
    """A run of an array that was submitted is looked for by the array; of one that was not, not."""
    places = [host.put(run_id) for run_id in (FIRST, SECOND)]
    array = host.home / "work/.dispatch/sweeps/20261124-115959-ssssss-1"
    (array / "launched").mkdir(parents=True)
    lines = "".join(f"  {place}\n" for place in places)
    (array / "runs").write_text(f"run_dirs=(\n{lines})\n")
    host.program("squeue", f"echo '9_1|RUNNING|None|theseus:{array.name}'")
    seen = sighting(host.seen(SECOND), SECOND)
    assert (seen.launched, seen.answer) == (True, "slurm 9_1")
    (array / "launched").rmdir()
    seen = sighting(host.seen(SECOND), SECOND)
    assert (seen.launched, seen.answer, seen.job) == (False, None, None)


def test_many_runs(host: Host) -> None:
    """Two hundred runs are one exchange, and a matter of seconds."""
    runs = [f"20261124-120000-{number:06}" for number in range(200)]
    for run_id in runs:
        host.put(run_id, answer="1 2 -\n", outcome_json='{"state": "completed"}')
    begun = time.monotonic()
    found = host.seen(*runs)
    assert time.monotonic() - begun < 30
    assert {sighting(found, run_id).end is not None for run_id in runs} == {True}


def away(plan: Plan) -> Plan:
    """A plan of a host that nobody has."""
    return evolve(
        plan, target=evolve(plan.target, host="far", ssh="nowhere.invalid", transport="auto")
    )


def test_unreachable(host: Host) -> None:
    """A host that cannot be reached holds up no other, and is not a host without runs."""
    host.put(FIRST)
    plans = [a_plan(FIRST), away(a_plan(SECOND))]

    async def looked() -> Mapping[str, Sighting | Unreachable]:
        async with shells(aliases_of_plans(plans)) as open_shell:
            return await look(open_shell, plans)

    found = asyncio.run(looked())
    assert sighting(found).there
    assert isinstance(found[SECOND], Unreachable)


@pytest.mark.slow
def test_silent(host: Host) -> None:
    """A host that does not answer in time is unreachable."""
    slurm_runs(host, FIRST)
    host.program("squeue", "exec sleep 63.1")
    found = asyncio.run(look(local_shell, [a_plan(FIRST)], deadline=0.7))
    assert found == {FIRST: Unreachable("did not answer within 0.7 s")}
