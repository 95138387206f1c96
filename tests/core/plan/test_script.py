"""The script of a segment: complete groups, each on lines of its own, that bash reads back."""

import pytest
from hypothesis import given

from tests.core.bash import at_home, spoken
from tests.strategies import any_word, paths
from theseus.core.plan.script import (
    Command,
    Obtain,
    Receive,
    Unpack,
    ask_frames,
    command_frame,
    describe_step,
    instruction,
    obtain_frame,
    receive_frame,
    script_frame,
    turn_frames,
    unpack_frame,
)
from theseus.core.plan.steps import (
    BuildEnvironment,
    ClaimRun,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    Packaged,
    PlanDocument,
    PutFile,
    PutFiles,
    PutSecrets,
    Step,
    Submit,
    SubmitArray,
    Text,
)

PACKAGED = Packaged("runtime.zip", "a" * 64)


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (MakeDir("box", "~/a b", 0o700), "mkdir -p -m 0700 -- ~/'a b'"),
        (ClaimRun("box", "/r"), "claim /r"),
        (PutFile("box", "/r/job.env", 0o600, Text("x")), "receive 0600 /r/job.env"),
        (PutFile("box", "/r/plan.json", 0o600, PlanDocument()), "receive 0600 /r/plan.json"),
        (PutSecrets("box", "/r/secrets.env", ()), "receive 0600 /r/secrets.env"),
        (EnsureFile("box", "/r.zip", 0o600, PACKAGED), "obtain 0600 /r.zip"),
        (EnsureTree("box", "/t.tar.gz", "0" * 40), "obtain 0644 /t.tar.gz"),
        (Launch("box", "/r", "~/log"), "launch /r ~/log"),
        (Launch("box", "/r", "~/log", "/leases"), "launch_leased /r ~/log"),
        (
            Submit("hpc", "/r", ("sbatch", "--job-name=a b", "--output=~/l")),
            "submit /r sbatch '--job-name=a b' --output=\"$HOME\"/l",
        ),
        (BuildEnvironment("hpc", "~/r"), "build_environment ~/r"),
        (Submit("hpc", "/r", ("sbatch",), "/runs/1"), "submit_after /runs/1 /r sbatch"),
        (PutFiles("hpc", "~/s s", ()), "unpack ~/'s s'"),
        (
            SubmitArray("hpc", "/a", ("sbatch", "--array=0-1")),
            "submit_array /a sbatch --array=0-1",
        ),
    ],
)
def test_step(step: Step, shown: str) -> None:
    """Each step is one command of perform.sh."""
    assert describe_step(step) == shown


def test_instructions() -> None:
    """What a step needs besides its command is content, sent always or only where it is missing."""
    assert instruction(ClaimRun("box", "/r")) == Command("claim /r")
    put = PutFile("box", "/a", 0o600, Text("x"))
    assert instruction(put) == Receive("/a", 0o600, Text("x"))
    ensure = EnsureFile("box", "/a", 0o600, PACKAGED)
    assert instruction(ensure) == Obtain("/a", 0o600, ensure)


def test_scripts() -> None:
    """Bash counts characters, whatever the locale: those of a script are bytes."""
    assert script_frame(b"a\nb\n") == b'IFS= read -r -N 4 script && eval "$script"\na\nb\n'


def test_frames() -> None:
    """A frame is a complete group that names the step; content follows it as raw bytes."""
    assert command_frame(3, "claim /r") == b"{ run 3 claim /r; }\n"
    receive = Receive("/r/job.env", 0o600, Text("x\n"))
    assert receive_frame(4, receive, b"x\n", "ab") == (
        b"{ run 4 receive 0600 2 ab /r/job.env; }\nx\n"
    )
    unpack = Unpack("~/s", PutFiles("box", "~/s", ()))
    assert unpack_frame(4, unpack, b"tar", "ab") == b"{ run 4 unpack 3 ab ~/s; }\ntar"
    obtain = Obtain("/r.zip", 0o600, EnsureFile("box", "/r.zip", 0o600, PACKAGED))
    assert obtain_frame(5, obtain, "ask") == b"{ run 5 obtain 5 0600 /r.zip ask; }\n"


def test_questions() -> None:
    """All questions are begun before the first answer is waited for, unless each has its turn."""
    assert ask_frames(["nproc 'a b'", "free"]) == (
        b"{ soon 0 nproc 'a b'; }\n{ soon 1 free; }\n{ told 0; }\n",
        b"{ told 1; }\n",
    )
    assert turn_frames(["nproc", "free"]) == (
        b"{ soon 0 nproc; }\n{ told 0; }\n",
        b"{ soon 1 free; }\n{ told 1; }\n",
    )


@given(paths(), paths())
def test_words_of_a_frame(run_dir: str, log: str) -> None:
    """Bash hands the paths of a frame on as they were, `~/` as its home."""
    frame = command_frame(0, describe_step(Launch("box", run_dir, log))).decode()
    words = spoken(f"run() {{ printf '%s\\0' \"$@\"; }}\n{frame}")
    assert words == ["0", "launch", at_home(run_dir), at_home(log)]


@given(any_word)
def test_argument_of_sbatch(argument: str) -> None:
    """Bash hands an argument of sbatch on as it was, bytes that are no UTF-8 too."""
    step = Submit("hpc", "/r", ("sbatch", f"--comment={argument}"))
    frame = command_frame(0, describe_step(step)).decode("utf-8", "surrogateescape")
    expected = argument if not argument.startswith("~/") else at_home(argument)
    words = spoken(f"run() {{ printf '%s\\0' \"$@\"; }}\n{frame}")
    assert words == ["0", "submit", "/r", "sbatch", f"--comment={expected}"]
