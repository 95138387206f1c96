"""JuiceFS at a cluster's root, by a real Redis and a real juicefs: mounted, shared, taken away."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.desk import Desk, new_desk
from tests.cli.runs import Submission, job, submitted
from tests.e2e.juicefs import (
    ENCODED,
    PASSWORD,
    PROGRAM,
    Redis,
    configure,
    daemons_of,
    end_mounts,
    free_port,
    kill_session,
    missing,
    mounts_below,
    volume,
)
from theseus.runtime.holders import directory_of, process_of
from theseus.runtime.juicefs import JuicefsError, Volume
from theseus.runtime.mount import Patience, enter

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("juicefs")]

HOLD = """\
echo "$1" >"$THESEUS_RESULTS_DIR/written"
env
touch "$HOME/$1.runs"
until test -e "$HOME/$1.go"; do sleep 0.05; done
cat "$THESEUS_RESULTS_DIR/written"
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One volume for all tests; each mounts it at a place of its own."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)  # which program or right this machine lacks to mount a volume
    with volume(tmp_path_factory.mktemp("volume")) as made:
        yield made


@pytest.fixture
def desk(redis: Redis, tmp_path: Path) -> Iterator[Desk]:
    """A user whose cluster mounts the volume; no mount is left behind."""
    made = new_desk(tmp_path / "user")
    configure(made, redis.url(ENCODED))
    try:
        yield made
    finally:
        for answer in made.home.glob("work/.dispatch/runs/*/answer"):
            kill_session(int(answer.read_text().split()[0]))
        end_mounts(tmp_path)


def until(true: Callable[[], object]) -> None:
    """Wait until *true*."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "waited twenty seconds"
        time.sleep(0.02)


def mounted(desk: Desk) -> bool:
    """Whether something is mounted at the root of *desk*."""
    return str(desk.home / "root") in mounts_below(desk.place)


def held(desk: Desk, name: str) -> Submission:
    """A run that holds the mount until it is let *go*."""
    job(desk, HOLD)
    words = ("request: {min_chips: 0}", f"command: [sh, job.sh, {name}]")
    desk.write("train.yaml", "\n".join(("job: command", *words)))
    desk.commit()
    run = submitted(desk)
    until(lambda: (desk.home / f"{name}.runs").exists() or (run.run_dir / "outcome.json").exists())
    return run


def go(desk: Desk, name: str, run: Submission) -> None:
    """Let a run end, which it does well."""
    (desk.home / f"{name}.go").touch()
    assert run.outcome()["state"] == "completed", run.place("log").read_text()


def test_mount_and_unmount(desk: Desk, redis: Redis) -> None:
    """A run mounts at the root, writes there, and unmounts; what it wrote is in the volume."""
    run = held(desk, "one")
    assert mounted(desk)
    line = next(iter(daemons_of(desk.place).values()))
    assert f"mount --no-usage-report --cache-size 64 --cache-dir {desk.home}/cache redis" in line
    assert redis.url() in line
    go(desk, "one", run)
    assert not mounted(desk)
    assert not daemons_of(desk.place)
    assert not list(desk.home.glob("root/*")), "nothing was written below the mount point"
    assert not directory_of(str(desk.home / "root")).exists()
    again = held(desk, "two")
    (results,) = (desk.home / "root" / "results").rglob(f"{run.run_id}/written")
    assert results.read_text() == "one\n"
    (metadata,) = (desk.home / "root" / "status").rglob(f"{run.run_id}/metadata.json")
    assert json.loads(metadata.read_text())["state"] == "completed"
    go(desk, "two", again)


def test_canary(desk: Desk, redis: Redis) -> None:
    """The password is in the config and in secrets.env while the run lasts, and nowhere else."""
    configure(desk, redis.url(ENCODED), host=", setup: ['env >~/setup.env']")
    plan = desk.theseus("plan", "demo", "train.yaml", "--json", "-o", str(desk.place / "plan.yaml"))
    assert canaries(plan.out + plan.err) == []
    run = held(desk, "canary")
    assert "THESEUS_MOUNT_POINT" in (desk.home / "setup.env").read_text()
    assert canaries(*readable("cmdline")) == []
    assert canaries(*readable("environ")) == [], "juicefs itself blots out what it was told"
    own = {desk.home / ".theseus.yaml", run.run_dir / "secrets.env"}
    state = directory_of(str(desk.home / "root"))
    assert files_with_canaries(desk.place, state) == own
    assert (run.run_dir / "secrets.env").stat().st_mode & 0o777 == 0o600
    go(desk, "canary", run)
    assert files_with_canaries(desk.place) == {desk.home / ".theseus.yaml"}
    assert "THESEUS_MOUNT_POINT" in run.place("log").read_text(), "the job has printed all it knew"


def readable(name: str) -> list[bytes]:
    """The file *name* of each process, where it can be read."""
    found = []
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


def canaries(*texts: str | bytes) -> list[str]:
    """The spellings of the password that are in any of *texts*."""
    content = b"".join(text.encode() if isinstance(text, str) else text for text in texts)
    return [each for each in (PASSWORD, ENCODED) if each.encode() in content]


def files_with_canaries(*places: Path) -> set[Path]:
    """The files below *places* that hold the password."""
    found = (path for place in places for path in place.rglob("*") if path.is_file())
    # those that JuiceFS makes up on the spot have no size and may have no end
    return {path for path in found if path.stat().st_size and canaries(path.read_bytes())}


def test_two_runs_share(desk: Desk) -> None:
    """A second run shares the mount and keeps it when the first ends; the last one unmounts."""
    first, second = held(desk, "first"), held(desk, "second")
    daemons = daemons_of(desk.place)
    go(desk, "first", first)
    assert mounted(desk)
    assert daemons_of(desk.place) == daemons
    go(desk, "second", second)
    assert not mounted(desk)
    assert "sharing it" in second.place("log").read_text()


def test_killed_run(desk: Desk) -> None:
    """A run killed outright leaves nothing in the way: the next one shares, and unmounts."""
    run = held(desk, "killed")
    _kill(run)
    assert mounted(desk)
    following = held(desk, "next")
    go(desk, "next", following)
    assert not mounted(desk)


def test_dead_daemon(desk: Desk) -> None:
    """A mount whose daemon is dead is cleared away and mounted again."""
    run = held(desk, "killed")
    for pid in sorted(daemons_of(desk.place)):
        os.kill(pid, signal.SIGKILL)
    _kill(run)
    assert mounted(desk)
    with pytest.raises(OSError, match="endpoint is not connected"):
        list((desk.home / "root").iterdir())
    following = held(desk, "next")
    assert "is stale" in following.place("log").read_text()
    go(desk, "next", following)
    assert not mounted(desk)


def test_files_still_open(desk: Desk) -> None:
    """What a run has left running in the mount keeps what it has open, and holds up nobody else."""
    job(
        desk,
        # in a session of its own before the job ends: what still is in the job's group ends with it
        'cd "$THESEUS_RESULTS_DIR"; exec 3>kept; setsid sh -c "echo \\$\\$ >~/pid; sleep 60" &\n'
        "until [ -s ~/pid ]; do sleep 0.02; done\n",
    )
    run = submitted(desk)
    assert run.outcome()["state"] == "completed"
    pid = int((desk.home / "pid").read_text())
    assert Path("/proc", str(pid)).exists()
    assert not mounted(desk)
    assert "is detached by force" in run.place("log").read_text()
    Path(f"/proc/{pid}/fd/3").write_text("late")
    os.killpg(pid, signal.SIGKILL)
    until(lambda: not daemons_of(desk.place))


def test_jobs_of_slurm(desk: Desk, redis: Redis) -> None:
    """Where a daemon ends with its job, another run of the node takes over, whatever is open."""
    configure(desk, redis.url(ENCODED))
    # what starts bootstrap on a plain host starts it here as a step of SLURM is
    desk.program("setsid", f'exec env SLURM_JOB_ID=1 {shutil.which("setsid")} "$@"')
    first, second = held(desk, "first"), held(desk, "second")
    daemons = set(daemons_of(desk.place))
    (written,) = (desk.home / "root/results").rglob(f"{second.run_id}/written")
    with written.open() as file:
        go(desk, "first", first)
        until(lambda: not daemons & set(daemons_of(desk.place)))
        assert file.read() == "second\n"
    for pid in sorted(daemons_of(desk.place)):
        os.kill(pid, signal.SIGKILL)
    again = re.compile(r"is stale .*JuiceFS is mounted", re.DOTALL)
    until(lambda: again.search(second.place("log").read_text()))
    go(desk, "second", second)
    assert not mounted(desk)


def _kill(run: Submission) -> None:
    session = int(run.said["answer"].split()[0])
    kill_session(session)
    until(lambda: not Path("/proc", str(session)).exists())


def test_found_mount(desk: Desk, redis: Redis) -> None:
    """A mount that was there already is used and left alone."""
    root = desk.home / "root"
    root.mkdir()
    words = ("mount", "--no-usage-report", "--cache-dir", desk.home / "cache", redis.url(), root)
    log = (desk.place / "found.log").open("wb")
    environment = {**os.environ, "META_PASSWORD": PASSWORD}
    with log, subprocess.Popen([PROGRAM, *words], env=environment, stderr=log) as process:
        until(lambda: mounted(desk))
        run = held(desk, "guest")
        go(desk, "guest", run)
        assert mounted(desk)
        assert process.poll() is None
        subprocess.run(["umount", root], check=True)


def failure(desk: Desk) -> str:
    """Why a run of *desk* has failed."""
    run = submitted(desk)
    outcome = run.outcome()
    assert (outcome["state"], outcome["exit_status"]) == ("failed", 1)
    metadata = json.loads((run.run_dir / "metadata.json").read_text())
    assert metadata["message"] == outcome["message"]
    assert not mounted(desk)
    assert not list(desk.home.glob("root/*")), "the next run finds an empty mount point"
    return str(outcome["message"])


def test_wrong_password(desk: Desk, redis: Redis) -> None:
    """A wrong password fails the run at once, and the outcome says so."""
    configure(desk, redis.url("wrong"))
    assert "refuses the password: correct it in `mount`" in failure(desk)


def refusal(desk: Desk, url: str, seconds: float = 20) -> str:
    """Why *url* is not mounted at the root of *desk*, asked without a run around it."""
    root = str(desk.home / "root")
    search = f"{desk.home / 'bin'}:/usr/bin:/bin"
    environment = {**desk.environment(), "PATH": search, "META_PASSWORD": PASSWORD}
    with pytest.raises(JuicefsError) as raised:
        enter(Volume(url, root, {}), process_of(os.getpid()), environment, Patience(seconds))
    assert not mounted(desk)
    assert not directory_of(root).exists()
    return str(raised.value)


def test_no_volume(desk: Desk, redis: Redis) -> None:
    """A Redis without a volume is no use, and it is said how to make one."""
    assert "juicefs format" in refusal(desk, f"{redis.url().removesuffix('/1')}/5")


def test_redis_away(desk: Desk) -> None:
    """Where nothing listens juicefs is given up after a while: Redis may only be starting."""
    url = f"redis://127.0.0.1:{free_port()}/1"
    assert f"Redis at {url} does not answer from this node" in refusal(desk, url, seconds=2)


def test_no_juicefs(desk: Desk, redis: Redis) -> None:
    """Where there is no juicefs it is said how to have one."""
    (desk.home / "bin" / "juicefs").unlink()
    assert "there is no juicefs on this node" in refusal(desk, redis.url())


def test_mount_point_that_is_not_empty(desk: Desk, redis: Redis) -> None:
    """Files that a mount would hide stop the run."""
    desk.write(str(desk.home / "root" / "precious"), "data")
    assert "is not empty (it holds 'precious')" in refusal(desk, redis.url())
