"""Runs handed to SLURM by perform.sh and followed by follow.sh, on stand-ins for its commands."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.runtime import slurm
from tests.runtime.host import Site, until
from theseus.core.plan.script import ask_frames, command_frame
from theseus.effects.perform.package import packaged_content

SLURM = {"sbatch", "squeue", "sinfo", "scontrol", "sacct", "scancel", "srun"}
SBATCH = (
    '#!/bin/sh\nenv >"$HOME/sbatch.env"; pwd >"$HOME/sbatch.cwd"; printf "%s\\n" "$@" >>"$HOME/w"\n'
)


@pytest.fixture
def login(site: Site) -> Site:
    """A login node with an empty run directory for SLURM."""
    slurm.install(site)
    site.run_dir.mkdir(parents=True)
    (site.run_dir / "batch.sh").touch()
    sbatch(site, "echo 42")
    return site


def sbatch(login: Site, end: str) -> None:
    """Have sbatch note its words and then do *end*."""
    login.tool("sbatch", f"{SBATCH}{end}\n")


def performed(login: Site, *command: str) -> tuple[str, str, str]:
    """The status and output of a step that perform.sh runs, and what was printed as errors."""
    return answered(login, command_frame(0, shlex.join(command)))


def asked(login: Site, command: str) -> tuple[str, str, str]:
    """What *command* says when it is asked: its status, its output, its errors."""
    (frame,) = ask_frames([command])
    return answered(login, frame)


def answered(login: Site, frame: bytes) -> tuple[str, str, str]:
    """What the far side answers to *frame*, numbered 0."""
    script = packaged_content("perform.sh").decode()
    talk = subprocess.run(
        ["bash", "-s"],
        input=f"token=T\n{script}{frame.decode()}",
        env=login.environment,
        capture_output=True,
        check=True,
        text=True,
    )
    head, _, output = talk.stdout.rpartition("\nT 0 ")[2].partition("\n")
    return head.split()[0], output, talk.stderr


def submitted(login: Site) -> tuple[str, str, str]:
    """What becomes of submitting the run."""
    run_dir = str(login.run_dir)
    words = ("sbatch", "--parsable", "--job-name=a b", f"{run_dir}/batch.sh", run_dir)
    return performed(login, "submit", run_dir, *words)


def test_a_run_is_submitted(login: Site) -> None:
    """The words arrive as they are, and the answer is kept and given."""
    assert submitted(login)[:2] == ("0", "slurm 42")
    run_dir = str(login.run_dir)
    words = ["--parsable", "--job-name=a b", f"{run_dir}/batch.sh", run_dir]
    assert (login.home / "w").read_text().splitlines() == words
    assert (login.run_dir / "answer").read_text() == "slurm 42\n"
    assert (login.home / "sbatch.cwd").read_text() == "/\n"


def test_the_environment_of_sbatch(login: Site) -> None:
    """Nothing of a job, or of the user's habits, reaches sbatch; where SLURM is does."""
    habits = {"SBATCH_PARTITION": "p", "SLURM_JOB_ID": "3", "SLURMD_NODENAME": "n"}
    login.environment.update({**habits, "SLURM_CONF": "/etc/slurm.conf"})
    assert submitted(login)[0] == "0"
    lines = (login.home / "sbatch.env").read_text().splitlines()
    seen = dict(line.partition("=")[::2] for line in lines)
    assert not set(habits) & set(seen)
    assert seen["SLURM_CONF"] == "/etc/slurm.conf"


def test_a_cluster_of_several(login: Site) -> None:
    """Where sbatch names a cluster the answer does."""
    sbatch(login, "echo a banner; echo '42;west'")
    assert submitted(login)[:2] == ("0", "slurm 42 west")


def test_words_of_the_site(login: Site) -> None:
    """What a site's own sbatch prints, before and after, is not taken for the answer."""
    sbatch(login, "echo 'cluster 7 welcomes you'; echo 42; echo 'this uses 5 of 100 hours'")
    assert submitted(login)[:2] == ("0", "slurm 42")
    sbatch(login, "echo 'no job today'")
    shutil.rmtree(login.run_dir / "launched")
    status, _, errors = submitted(login)
    assert status == "76"
    assert "sbatch answered no job id: no job today" in errors


@pytest.fixture
def apart(login: Site) -> Site:
    """A login node whose SLURM only the login files know; they print, and start something."""
    place = login.home / "slurm"
    place.mkdir()
    for name in ("sbatch", "squeue"):
        (login.tools / name).rename(place / name)
    system = login.home / "system"
    system.mkdir()
    for path in (*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()):
        if path.name not in SLURM and not (system / path.name).is_symlink():
            (system / path.name).symlink_to(path)
    login.environment["PATH"] = f"{login.tools}:{system}"
    lines = (
        *("echo welcome", "sleep 30 &", "echo $! >>~/started"),
        *("PATH=~/slurm:$PATH", "export SLURM_CONF=/site/slurm.conf"),
    )
    (login.home / ".bash_profile").write_text("\n".join(lines))
    return login


def test_slurm_of_login_shells(apart: Site) -> None:
    """What only login shells find is found, with its configuration, without waiting for them."""
    assert submitted(apart)[:2] == ("0", "slurm 42")
    assert "SLURM_CONF=/site/slurm.conf" in (apart.home / "sbatch.env").read_text().splitlines()
    slurm.queue(apart, "gpu\n")
    assert asked(apart, "slurm squeue -h")[:2] == ("0", "gpu")
    for started in (apart.home / "started").read_text().split():
        os.kill(int(started), signal.SIGKILL)


def test_login_files_that_print_a_nul(apart: Site) -> None:
    """What login files print is never taken for where SLURM is."""
    file = apart.home / ".bash_profile"
    file.write_text("printf 'a\\0=b\\0'; PATH=~/slurm:$PATH; export SLURM_CONF=/c\n")
    slurm.queue(apart, "gpu\n")
    assert asked(apart, "slurm squeue -h")[:2] == ("0", "gpu")
    assert asked(apart, "slurm printenv SLURM_CONF")[:2] == ("0", "/c")
    file.write_text("printf 'welcome\\0'; exit\n")
    assert asked(apart, "slurm printenv SLURM_CONF")[:2] == ("1", "")
    file.write_text("PATH=\n")
    assert asked(apart, "slurm printenv PATH")[1] == apart.environment["PATH"]


def test_no_slurm_at_all(apart: Site) -> None:
    """Where login shells do not find it either, that is the answer."""
    (apart.home / ".bash_profile").write_text("exit 1\n")
    status, _, errors = asked(apart, "slurm nosuchsinfo -h")
    assert (status, "nosuchsinfo: command not found" in errors) == ("127", True)


def test_habits_of_whoever_asks(login: Site) -> None:
    """SLURM is asked by the site's settings alone."""
    habits = ("SINFO_ALL", "SQUEUE_USERS", "SACCT_FORMAT", "SCONTROL_ALL", "SLURM_CLUSTERS")
    login.environment.update({**dict.fromkeys(habits, "x"), "SLURM_CONF": "/c"})
    _, output, _ = asked(login, "slurm env")
    assert not [line for line in output.splitlines() if line.startswith(habits)]
    assert "SLURM_CONF=/c" in output.splitlines()


def test_a_refusal(login: Site) -> None:
    """What sbatch says is the error, and the run may be submitted again."""
    sbatch(login, "echo 'sbatch: error: invalid qos' >&2; exit 1")
    status, _, errors = submitted(login)
    assert status == "1"
    assert "sbatch: error: invalid qos" in errors
    sbatch(login, "echo 43")
    assert submitted(login)[:2] == ("0", "slurm 43")


def test_submitted_once(login: Site) -> None:
    """A run that was submitted is not submitted again; the answer is given again."""
    assert submitted(login)[1] == submitted(login)[1] == "slurm 42"
    assert (login.home / "w").read_text().count("--parsable") == 1
    assert performed(login, "claim", str(login.run_dir))[:2] == ("answered", "slurm 42")


TIMED_OUT = "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1"


def test_an_answer_that_was_lost(login: Site) -> None:
    """Where sbatch was not answered, SLURM is asked for the job before anything is sent again."""
    sbatch(login, TIMED_OUT)
    assert submitted(login)[0] == "76"
    slurm.queue(login, "41 theseus:other x-other\n44 theseus:r1 demo-r1\n")
    assert performed(login, "claim", str(login.run_dir))[:2] == ("answered", "slurm 44")
    assert (login.run_dir / "answer").read_text() == "slurm 44\n"


def test_login_files_keep_no_turn(apart: Site) -> None:
    """What login files start in the background lets the next one look for the job as well."""
    (apart.run_dir / "launched").mkdir()
    (apart.run_dir / "batch.sh").touch()
    os.utime(apart.run_dir / "launched", (0, 0))
    slurm.queue(apart, "", status=1)
    began = time.monotonic()
    for _ in range(2):
        assert performed(apart, "claim", str(apart.run_dir))[0] == "76"
    assert time.monotonic() - began < 15
    for started in (apart.home / "started").read_text().split():
        os.kill(int(started), signal.SIGKILL)


def test_a_job_with_another_comment(login: Site) -> None:
    """A job whose comment the config sets is known by its name."""
    sbatch(login, TIMED_OUT)
    submitted(login)
    slurm.queue(login, "41 my own x-other\n44 my own a b-r1\n")
    assert performed(login, "claim", str(login.run_dir))[:2] == ("answered", "slurm 44")


def test_a_job_that_never_arrived(login: Site) -> None:
    """Where SLURM has no such job the run is submitted again."""
    sbatch(login, TIMED_OUT)
    submitted(login)
    assert performed(login, "claim", str(login.run_dir))[:2] == ("0", "resumed")
    sbatch(login, "echo 45")
    assert submitted(login)[:2] == ("0", "slurm 45")


def test_a_job_that_cannot_be_asked_for(login: Site) -> None:
    """Where SLURM cannot be asked nothing is submitted again."""
    sbatch(login, TIMED_OUT)
    submitted(login)
    slurm.queue(login, "", status=1)
    status, _, errors = performed(login, "claim", str(login.run_dir))
    assert status == "76"
    assert "SLURM cannot be asked for its job" in errors


def member(login: Site) -> Path:
    """The directory of an array that was sent, whose second run is that of *login*."""
    array = login.run_dir.parent.parent / "sweeps/s-1"
    (array / "launched").mkdir(parents=True)
    others = login.run_dir.parent / "r0"
    others.mkdir()
    places = "".join(f"{shlex.quote(str(run))}\n" for run in (others, login.run_dir))
    (array / "runs").write_text(f"run_dirs=(\n{places})\n")
    return array


def test_a_member_whose_answer_was_lost(login: Site) -> None:
    """A run whose array has a job is not submitted by itself; one whose array has none is."""
    member(login)
    slurm.queue(login, "42 theseus:s-2 scan-s-2\n")
    assert performed(login, "claim", str(login.run_dir))[:2] == ("0", "resumed")
    slurm.queue(login, "", status=1)
    assert performed(login, "claim", str(login.run_dir))[0] == "76"
    slurm.queue(login, "42 theseus:s-1 scan-s-1\n")
    assert performed(login, "claim", str(login.run_dir))[:2] == ("answered", "slurm 42_1")
    assert (login.run_dir / "answer").read_text() == "slurm 42_1\n"


@pytest.mark.parametrize("perl", [f'exec {shutil.which("perl")} "$@"', "exit 127"])
def test_answers_of_members(login: Site, perl: str) -> None:
    """They are written aside and put in place, with perl or without; one that is there stays."""
    array, other = member(login), login.run_dir.parent / "r0"
    (array / "launched").rmdir()
    started = login.run_dir / "answer"
    started.write_text("slurm 42_1\n")
    before = started.stat().st_ino
    login.tool("perl", f'#!/bin/sh\nls {shlex.quote(str(other))} >"$HOME/seen"\n{perl}\n')
    sbatch(login, "echo 42")
    assert performed(login, "submit_array", str(array), "sbatch")[:2] == ("0", "slurm 42")
    assert (login.home / "seen").read_text() == "answer.part\n"
    assert [path.name for path in other.iterdir()] == ["answer"]
    assert (other / "answer").read_text() == "slurm 42_0\n"
    assert started.stat().st_ino == before


def test_members_in_a_cluster_of_several(login: Site) -> None:
    """Each run of an array is told the cluster, one that has started already too."""
    array = member(login)
    (array / "launched").rmdir()
    (login.run_dir / "answer").write_text("slurm 42_1\n")
    sbatch(login, "echo '42;west'")
    assert performed(login, "submit_array", str(array), "sbatch")[:2] == ("0", "slurm 42 west")
    answers = [(login.run_dir.parent / run / "answer").read_text() for run in ("r0", "r1")]
    assert answers == ["slurm 42_0 west\n", "slurm 42_1 west\n"]


def test_an_array_among_runs_of_everybody(login: Site) -> None:
    """No array is sent where everybody can replace the directories of its runs."""
    array = member(login)
    login.run_dir.parent.chmod(0o777)
    status, _, errors = performed(login, "claim", str(array))
    assert status == "1"
    assert f"{login.run_dir.parent} can be written to by everybody" in errors


def test_what_a_launch_inherits(login: Site) -> None:
    """A run without SLURM has the locale of the login, and nothing of a job it was sent from."""
    habits = {"SLURM_PROCID": "1", "BASH_ENV": "/nowhere", "LC_ALL": "C.UTF-8"}
    login.environment.update({**habits, "SLURM_CONF": "/c"})
    (login.run_dir / "bootstrap.sh").write_text('env >"$1/env.part"; mv "$1/env.part" "$1/env"\n')
    performed(login, "launch", str(login.run_dir), str(login.home / "log"))
    until((login.run_dir / "env").exists)
    seen = (login.run_dir / "env").read_text().splitlines()
    assert "LC_ALL=C.UTF-8" in seen
    assert "SLURM_CONF=/c" in seen
    assert not [line for line in seen if line.startswith(("BASH_ENV", "SLURM_PROCID"))]


class Following:
    """follow.sh, at work on the run of a login node."""

    def __init__(self, login: Site) -> None:
        (login.run_dir / "answer").write_text("slurm 42\n")
        (login.home / "log").touch()
        self._reader, self._errors = login.home / "shown", login.home / "errors"
        words = f"run_dir={shlex.quote(str(login.run_dir))} log={shlex.quote(str(login.home))}/log"
        script = packaged_content("follow.sh").decode()
        with self._reader.open("wb") as shown, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                ["bash", "-s"],
                stdin=subprocess.PIPE,
                stdout=shown,
                stderr=errors,
                env=login.environment,
            )
        assert self.process.stdin is not None
        self.process.stdin.write(f"token=T {words} offset=0 lines= stay=yes\n{script}".encode())
        self.process.stdin.flush()
        until(lambda: self._reader.read_bytes().startswith(b"\nT 0\n"))

    def shown(self) -> str:
        """What it has printed of the log."""
        return self._reader.read_text().removeprefix("\nT 0\n")

    def end(self) -> str:
        """The state with which it ended."""
        self.process.wait(timeout=30)
        self.stop()
        return self._errors.read_text().rpartition("\nT ")[2].split()[0]

    def goes_on(self) -> None:
        """Assert that it still looks a second later."""
        with pytest.raises(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)

    def stop(self) -> None:
        """Leave, as a client does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)


def ended(login: Site, state: str) -> None:
    """Write the outcome of the run."""
    part = login.run_dir / "outcome.part"
    part.write_text(f'{{"state": "{state}"}}\n')
    part.replace(login.run_dir / "outcome.json")


@pytest.mark.slow
def test_a_pending_job_is_followed(login: Site) -> None:
    """While a job waits nothing is shown; then its log is, to the last line."""
    slurm.queue(login, "PENDING\n")
    following = Following(login)
    following.goes_on()
    assert following.shown() == ""
    slurm.queue(login, "RUNNING\n")
    (login.home / "log").write_text("first\n")
    ended(login, "completed")
    following.goes_on()
    (login.home / "log").write_text("first\nlast\n")
    slurm.queue(login, "COMPLETED\n")
    assert following.end() == "ended"
    assert following.shown() == "first\nlast\n"


@pytest.mark.slow
def test_a_preempted_job_is_followed(login: Site) -> None:
    """A run that was preempted and waits in the queue again has not ended."""
    slurm.queue(login, "PENDING\n")
    ended(login, "preempted")
    following = Following(login)
    following.goes_on()
    following.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("says", "status"), [("CANCELLED\n", 0), ("Invalid job id specified", 1)])
def test_a_job_that_is_gone(login: Site, says: str, status: int) -> None:
    """A job that SLURM has ended or forgotten is gone when it left no outcome."""
    slurm.queue(login, says, status)
    assert Following(login).end() == "gone"


@pytest.mark.slow
def test_a_preempted_job_that_was_cancelled(login: Site) -> None:
    """A preempted run whose job does not wait any more has ended as preempted."""
    slurm.queue(login, "CANCELLED\n")
    ended(login, "preempted")
    assert Following(login).end() == "ended"


@pytest.mark.slow
def test_options_of_the_login(login: Site) -> None:
    """The outcome is the last that is said, whatever the login's options have bash print."""
    slurm.queue(login, "COMPLETED\n")
    login.environment["SHELLOPTS"] = "xtrace:verbose:errexit"
    ended(login, "completed")
    following = Following(login)
    assert following.end() == "ended"
    said = (login.home / "errors").read_text().rpartition("\nT ended 0\n")[2]
    assert said == '{"state": "completed"}\n'


@pytest.mark.slow
def test_slurm_does_not_answer(login: Site) -> None:
    """Not to be able to ask is no answer: the run is followed further."""
    slurm.queue(login, "Unable to contact slurm controller\n", 1)
    following = Following(login)
    following.goes_on()
    following.stop()
