"""Submitting through a real OpenSSH server, as a user does: followed, left alone, or killed."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import job, submission
from tests.e2e.far_desk import PLACE, FarDesk, far_desk, noisy
from tests.e2e.nanolm_project import UV, commit_nanolm, filled_uv_cache, hand_over
from tests.e2e.sshd import LOGIN_SHELLS, Sshd

pytestmark = pytest.mark.slow


@pytest.fixture(params=LOGIN_SHELLS)
def login_shell(request: pytest.FixtureRequest, sshd: Sshd) -> str:
    """Each login shell that a user has."""
    name: str = request.param
    if name not in sshd.users:
        pytest.skip(f"{name} is not installed here, or no user can be made who has it")
    return name


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk with one far host, of the first login shell there is."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users))) as made:
        yield made


def test_any_login_shell(sshd: Sshd, login_shell: str, tmp_path: Path) -> None:
    """With bash, tcsh or fish that print and fail when they start, the job runs, its log comes."""
    with far_desk(tmp_path, sshd, login_shell) as far, noisy(sshd, login_shell):
        job(far.desk, 'id -un; echo "it\'s <$EXTRA>"; echo data >"$THESEUS_RESULTS_DIR/out"')
        words = ("submit", "a 'run'", "train.yaml", "--follow", "--env", "EXTRA=$x !\n\"y'")
        finished = far.desk.theseus(*words)
        assert finished.status == 0, finished.out + finished.err
        assert f"{far.user}\nit's <$x !\n\"y'>\n" in finished.out
        assert "Welcome" not in finished.out + finished.err
        assert "goes to far" in finished.err
        (results,) = (far.place / "root" / "results").rglob("out")
        assert results.read_text() == "data\n"
        assert results.owner() == far.user
        assert not (far.desk.home / PLACE).exists(), "nothing of the run is on this side"


def test_submit_and_apply_once(far: FarDesk) -> None:
    """A plan is made by asking the host, applied once, and a second time answered from there."""
    job(far.desk, f"echo ran >>~/{PLACE}/count")
    plan = str(far.desk.place / "p.yaml")
    assert far.desk.theseus("plan", "demo", "train.yaml", "-o", plan).status == 0
    assert not far.place.exists(), "planning writes nothing there"
    first = submission(far.desk, far.desk.theseus("apply", plan, "--json"))
    assert far.outcome(first.run_id)["state"] == "completed"
    again = submission(far.desk, far.desk.theseus("apply", plan, "--json"))
    assert (again.said["again"], again.said["answer"]) == (True, first.said["answer"])
    assert (far.place / "count").read_text() == "ran\n"


def test_failing_job(far: FarDesk) -> None:
    """The job's own exit status comes back through ssh."""
    job(far.desk, "echo about to fail; exit 7")
    finished = far.desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status == 7
    assert "about to fail" in finished.out
    assert "failed with exit status 7" in finished.err


def test_client_is_killed(far: FarDesk) -> None:
    """The run does not notice when the client that follows it is killed."""
    job(far.desk, f"echo started; until test -e ~/{PLACE}/go; do sleep 0.05; done; echo went")
    with far.desk.start("submit", "demo", "train.yaml", "--follow") as process:
        assert process.stdout is not None
        while b"started" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    (run_dir,) = (far.place / "work" / ".dispatch" / "runs").iterdir()
    time.sleep(0.5)
    pid = int((run_dir / "answer").read_text().split()[0])
    assert Path(f"/proc/{pid}").exists(), "it goes on"
    (far.place / "go").touch()
    assert far.outcome(run_dir.name)["state"] == "completed"
    (log,) = (far.place / "work" / "logs").iterdir()
    assert "went" in log.read_text()


def test_secrets_arrive_privately(far: FarDesk) -> None:
    """A secret reaches the far job, in a file that only its user may read until the run ends."""
    far.configure(host="    secrets: {TOKEN: env:LOCAL_TOKEN}\n")
    desk = Desk(far.desk.place, {"LOCAL_TOKEN": "canary-far-1"})
    job(desk, f'test "$TOKEN" = canary-far-1 && touch ~/{PLACE}/seen; sleep 0.3')
    run = submission(desk, desk.theseus("submit", "demo", "train.yaml", "--json"))
    run_dir = far.place / "work" / ".dispatch" / "runs" / run.run_id
    assert run_dir.stat().st_mode & 0o077 == 0
    assert far.outcome(run.run_id)["state"] == "completed"
    assert (far.place / "seen").exists()
    assert not (run_dir / "secrets.env").exists()
    files = [path for path in far.place.rglob("*") if path.is_file()]
    assert not [path for path in files if b"canary" in path.read_bytes()]


@pytest.fixture(scope="module")
def uv_cache(sshd: Sshd) -> Path:
    """A cache with all that nanolm's environment needs, for the user at the far side."""
    folder = sshd.folder / "uv"  # where the far user may read
    folder.mkdir()
    cache = filled_uv_cache(folder)
    hand_over(cache, next(iter(sshd.users.values())))
    return cache


def test_nanolm(far: FarDesk, uv_cache: Path) -> None:
    """The example project is trained at the far side, in the environment of its lock file."""
    tools = far.place / "tools"
    tools.mkdir(parents=True)
    shutil.copy(UV, tools / "uv")
    if os.geteuid() == 0:
        shutil.chown(far.place, far.user)
    far.configure(
        cluster=f"    uv_cache: {uv_cache}\n",
        host=f"    setup: ['export PATH=$HOME/{PLACE}/tools:$PATH']\n",
    )
    desk = far.desk
    commit_nanolm(desk)
    words = ("submit", "small", "train.yaml", "training.tokens=20000", "--follow")
    finished = desk.theseus(*words)
    assert finished.status == 0, finished.out + finished.err
    assert re.search(r"loss", finished.out)
    results = far.place / "root" / "results" / "project" / "default" / "small"
    (summary,) = results.rglob("summary.json")
    assert summary.is_file()
    assert list((far.place / "root" / "checkpoints").rglob("*.npz"))
