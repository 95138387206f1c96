"""Leases: a GPU is one run's alone, for as long as anything of that run lives."""

import os
import signal
import stat
from pathlib import Path

import pytest

from tests.runtime.gpus import ANSWERS, QUERY, claim, close, lease, signed
from tests.runtime.host import Site, Source, until

SHOW = ("sh", "-c", 'echo "sees $CUDA_VISIBLE_DEVICES"')
SLEEP = ("sh", "-c", 'echo "sees $CUDA_VISIBLE_DEVICES"; exec sleep 60')


@pytest.fixture
def host(site: Site) -> Site:
    """A host with eight GPUs."""
    site.tool("nvidia-smi", ANSWERS)
    site.tool("gpus", QUERY)
    return site


def another(host: Site, name: str) -> Site:
    """A run of another home on the same host."""
    other = Site(host.home.parent / name, host.runtime)
    for tool in ("nvidia-smi", "gpus"):
        other.tool(tool, (host.tools / tool).read_text())
    return other


def directory(host: Site) -> Path:
    """The lease directory of the tests."""
    return host.home.parent / "leases"


@pytest.mark.slow
def test_pins_the_job(host: Site) -> None:
    """The job sees as many GPUs as it asked for, the first that could be leased."""
    setup = "export CUDA_VISIBLE_DEVICES=7"  # is not the user's to set
    host.lay(Source(command=SHOW, setup=setup, lease=lease(directory(host), 2)))
    assert host.run() == 0, host.log
    assert "sees GPU-0,GPU-1\n" in host.log
    assert "theseus: leased GPU-0, GPU-1\n" in host.log
    assert (host.run_dir / "lease").read_text() == "leased GPU-0 GPU-1"
    assert signed(directory(host) / "GPU-0.lease")["run"] == "r1"
    # all users of a host can use these, and none can remove another's
    assert stat.S_IMODE(directory(host).stat().st_mode) == 0o1777
    assert stat.S_IMODE((directory(host) / "GPU-0.lease").stat().st_mode) == 0o666


@pytest.mark.slow
def test_two_runs(host: Site) -> None:
    """Two runs never share a GPU; killing all of a run frees its GPUs at once, and no less does."""
    other = another(host, "other")
    host.lay(Source(command=SLEEP, lease=lease(directory(host), 5)))
    other.lay(Source(command=SHOW, lease=lease(directory(host), 3)))
    process = host.start()
    until(lambda: "sees" in host.log)
    assert other.run() == 0, other.log
    assert "sees GPU-5,GPU-6,GPU-7\n" in other.log
    job = int((host.run_dir / "job.group").read_text())
    process.kill()
    process.wait()
    third = another(host, "third")
    third.lay(Source(command=SHOW, lease=lease(directory(host), 4)))
    assert third.run() == 1
    assert "needs 4 of 8 GPUs, 3 free; GPU-0 is leased by" in third.outcome["message"]
    assert third.outcome["stage"] == "lease"
    os.killpg(job, signal.SIGKILL)
    fourth = another(host, "fourth")
    fourth.lay(Source(command=SHOW, lease=lease(directory(host), 8)))
    assert fourth.run() == 0, fourth.log


@pytest.mark.slow
def test_turns(host: Site) -> None:
    """Who waits is queued, says for what, and is served before whoever comes later."""
    host.lay(Source(command=SLEEP, lease=lease(directory(host), 1, "GPU-0")))
    holder = host.start()
    until(lambda: "sees" in host.log)
    waiter = another(host, "waiter")
    waiter.lay(Source(command=SHOW, lease=lease(directory(host), 1, "GPU-0", queue=True)))
    waiting = waiter.start()
    until((waiter.run_dir / "lease").exists)
    until((waiter.status_dir / "metadata.json").exists)
    assert (waiter.run_dir / "lease").read_text() == "queued"
    assert waiter.metadata["state"] == "queued"
    assert "theseus: waiting for GPUs: needs 1 of 1 GPUs, 0 free; GPU-0 is leased" in waiter.log
    later = another(host, "later")
    later.lay(Source(command=SHOW, lease=lease(directory(host), 2, "GPU-0", "GPU-1")))
    assert later.run() == 1
    assert "1 run waits before this one" in later.log
    holder.terminate()
    assert holder.wait(timeout=30) == 143
    assert waiting.wait(timeout=30) == 0, waiter.log
    assert "sees GPU-0\n" in waiter.log
    assert list(directory(host).glob("ticket-*")) == []


@pytest.mark.slow
def test_end_while_waiting(host: Site) -> None:
    """A run that is ended while it waits, in whatever way, leaves its place to the next one."""
    made = claim(directory(host), 1, ("GPU-0",))
    assert made.take(frozenset()) == ["GPU-0"]
    stopped, killed, served = (another(host, name) for name in ("stopped", "killed", "served"))
    processes = []
    for each in (stopped, killed, served):
        each.lay(Source(command=SHOW, lease=lease(directory(host), 1, "GPU-0", queue=True)))
        processes.append(each.start())
        until((each.run_dir / "lease").exists)
    processes[0].terminate()
    processes[1].kill()
    assert processes[0].wait(timeout=30) == 143
    assert (stopped.outcome["state"], stopped.outcome["stage"]) == ("preempted", "lease")
    processes[1].wait(timeout=30)
    close(made)
    assert processes[2].wait(timeout=30) == 0, served.log
    assert "sees GPU-0\n" in served.log


@pytest.mark.slow
def test_refused_launch_leaves_nothing(host: Site) -> None:
    """A run that gets no GPU while its launch waits to hear of it has never been."""
    host.lay(Source(lease=lease(directory(host), 9), secrets={"TOKEN": "s3cret"}))
    (host.run_dir / "launched").mkdir()
    (host.run_dir / "answer").write_text("1 2 3\n")
    assert host.run() == 1
    left = {path.name for path in host.run_dir.iterdir()}
    assert left.isdisjoint({"launched", "answer", "starts", "secrets.env", "outcome.json"})
    verdict = (host.run_dir / "lease").read_text()
    assert verdict.startswith("refused needs 9 of 8 GPUs, 8 free; plan again, or wait")


@pytest.mark.slow
def test_restart_that_finds_no_gpu(host: Site) -> None:
    """A run that was preempted and finds its GPUs taken stays preempted: it may be tried again."""
    host.lay(Source(command=SHOW, secrets={"TOKEN": "x"}, lease=lease(directory(host), 8)))
    (host.run_dir / "starts").write_text("1\n")
    preempted = '{"state": "preempted"}'
    (host.run_dir / "outcome.json").write_text(preempted)
    (host.run_dir / "lease").write_text("leased GPU-0")
    made = claim(directory(host), 1)
    assert made.take(frozenset()) == ["GPU-0"]
    assert host.run() == 1
    assert "needs 8 of 8 GPUs, 7 free; GPU-0 is leased by ada (run r)" in host.log
    assert (host.run_dir / "outcome.json").read_text() == preempted
    assert (host.run_dir / "starts").read_text() == "1\n"
    close(made)
    assert host.run() == 0, host.log


@pytest.mark.slow
def test_without_driver(site: Site) -> None:
    """Where no driver says what there is, declared chips are leased by their number."""
    host, chips = site, {**lease(site.home.parent / "leases", 2), "gpus": [], "declared": 2}
    host.lay(Source(command=SLEEP, lease=chips))
    process = host.start()
    until(lambda: "sees 0,1\n" in host.log)
    other = Site(host.home.parent / "other", host.runtime)
    other.lay(Source(command=SHOW, lease={**chips, "chips": 1}))
    assert other.run() == 1
    assert "0 is leased by" in other.log
    process.terminate()
    process.wait(timeout=30)


@pytest.mark.slow
def test_directory_that_cannot_be_used(host: Site) -> None:
    """A lease directory that cannot be had ends the run with what to do, and no traceback."""
    directory(host).symlink_to("/etc")
    host.lay(Source(lease=lease(directory(host), 1)))
    assert host.run() == 1
    assert "cannot be opened (Not a directory)" in host.outcome["message"]
    assert "name another by `leases` of this host" in host.outcome["message"]
    assert "Traceback" not in host.log


@pytest.mark.slow
def test_foreign_files(host: Site) -> None:
    """What others put in the way of a GPU costs that GPU, and nothing else is touched."""
    victim = host.home / "victim"
    victim.write_text("precious")
    leases = directory(host)
    leases.mkdir()
    leases.chmod(0o1777)
    os.mkfifo(leases / "GPU-0.lease")
    (leases / "GPU-1.lease").symlink_to(victim)
    (leases / "GPU-2.lease").hardlink_to(victim)
    (leases / "GPU-3.lease").mkdir()
    (leases / "GPU-4.lease").write_text('{"user": "\\u001b[2J", "run": ["x"]}')
    (leases / "ticket-99").write_text("no json")
    (leases / "ticket-5").symlink_to(victim)
    host.lay(Source(command=SHOW, lease=lease(leases, 4)))
    assert host.run() == 0, host.log
    assert "sees GPU-4,GPU-5,GPU-6,GPU-7\n" in host.log
    assert victim.read_text() == "precious"
