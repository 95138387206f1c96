"""Everything works without a terminal, a home, or anybody who reads what is printed."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bad_inputs import PLAN
from tests.cli.desk import Desk, command
from tests.cli.runs import job

pytestmark = pytest.mark.slow


def script(desk: Desk, text: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run *text* by sh, theseus being its arguments."""
    return subprocess.run(
        ["sh", "-c", text, "sh", *command(*PLAN)],
        cwd=desk.repository,
        env={**desk.environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_streams_closed(desk: Desk) -> None:
    """With any of the standard streams closed it plans as ever."""
    assert "Plan of run 'demo'" in script(desk, '"$@" <&-').stdout
    done = script(desk, '"$@" 2>&-')
    assert (done.returncode, "Plan of run" in done.stdout) == (0, True)
    for closed in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        done = script(desk, f'"$@" {closed}')
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_reader_gone(desk: Desk) -> None:
    """When the reader of a pipe goes away it ends without a traceback."""
    done = script(desk, '"$@" | head -n 1')
    assert done.stdout == "Plan of run 'demo' on box\n"
    assert done.stderr == ""


def test_nobody_can_be_told(desk: Desk) -> None:
    """A full disk under standard output is an error, not a success."""
    done = script(desk, '"$@" >/dev/full')
    assert done.returncode == 1
    assert done.stderr == "theseus: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"TERM": "", "COLUMNS": "20"},
        {"LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "tlh_QO.UTF-8"},
        {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    ],
    ids=str,
)
def test_locales_and_terminals(desk: Desk, variables: dict[str, str]) -> None:
    """No locale and no terminal changes what is said, beyond what it cannot show."""
    text = '"$@" -p "prüjekt"'
    done = script(desk, text, **variables)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "Plan of run 'demo' on box" in done.stdout
    assert script(desk, text + " --json", **variables).returncode == 0


@pytest.mark.parametrize("words", [("ps", "--help"), ("ps", "-h"), ()])
@pytest.mark.parametrize("columns", ["0", "1", "19"])
def test_help_in_no_space(desk: Desk, columns: str, words: tuple[str, ...]) -> None:
    """Where there is no room for a help text it is as wide as it must be, and comes to an end."""
    with Desk(desk.place, {"COLUMNS": columns}).start(*words) as process:
        try:
            shown, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Usage: theseus" in shown.decode()


def test_no_home(desk: Desk) -> None:
    """Without HOME the home of the account counts; with -d none is needed at all."""
    config = desk.home / ".theseus.yaml"
    environment = {name: text for name, text in desk.environment().items() if name != "HOME"}
    done = subprocess.run(
        command(*PLAN, "-d", str(config)),
        cwd=desk.repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_terminal(desk: Desk) -> None:
    """On a terminal the same is printed as into a pipe."""
    primary, secondary = pty.openpty()
    with subprocess.Popen(
        command(*PLAN, "--explain"),
        cwd=desk.repository,
        env={**desk.environment(), "TERM": "xterm-256color"},
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    ) as process:
        os.close(secondary)
        shown = b""
        while True:
            try:
                data = os.read(primary, 4096)
            except OSError:  # Linux: the other end was closed
                break
            shown += data
    os.close(primary)
    assert process.returncode == 0
    assert shown.replace(b"\r\n", b"\n").decode() == desk.theseus(*PLAN, "--explain").out


def test_nothing_prompts(desk: Desk) -> None:
    """Submitting asks nothing, also when a terminal is there to answer."""
    job(desk, "read -r line || echo nobody answers")
    finished = desk.theseus("submit", "demo", "train.yaml", "--follow")
    assert "nobody answers" in finished.out


def test_umask_and_odd_directories(desk: Desk) -> None:
    """What is written for the owner alone is so under any umask, in a directory of any name."""
    odd = desk.repository / "a dir\nwith 'odd' $name"
    odd.mkdir()
    (odd / "train.yaml").write_bytes((desk.repository / "train.yaml").read_bytes())
    desk.commit()
    there = Desk(desk.place, {}, str(odd.relative_to(desk.place)))
    finished = there.theseus("submit", "demo", "train.yaml", "--follow")
    assert finished.status == 0, finished.err
    (run_dir,) = (desk.home / "work" / ".dispatch" / "runs").iterdir()
    sent = [run_dir / name for name in ("bootstrap.sh", "job.env", "payload.json", "plan.json")]
    assert {path.stat().st_mode & 0o077 for path in (run_dir, run_dir.parent, *sent)} == {0}


def test_module_form(desk: Desk) -> None:
    """`python -m theseus` and `python -m theseus.cli` are the console script."""
    assert desk.theseus().status == 0
    done = subprocess.run(
        [sys.executable, "-m", "theseus", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == desk.theseus("--version").out
    assert "Usage: theseus COMMAND" in desk.theseus("--help").out
    script_there = Path(sys.executable).with_name("theseus")
    if script_there.exists():
        done = subprocess.run([script_there, "--help"], capture_output=True, text=True, check=True)
        assert "Examples:" in done.stdout


def test_interrupted_at_once(desk: Desk) -> None:
    """Ctrl-C while theseus is still being imported is said in one line, as it is later."""
    desk.write("early/cyclopts.py", "raise KeyboardInterrupt\n")
    done = Desk(desk.place, {"PYTHONPATH": str(desk.repository / "early")}).theseus(*PLAN)
    assert (done.status, done.out, done.err) == (130, "", "theseus: interrupted\n")


def test_directory_gone(desk: Desk) -> None:
    """In a directory that was removed every command says so."""
    for words in (["jobs"], ["configure", "command", "x.yaml"], PLAN):
        text = 'mkdir gone && cd gone && rmdir ../gone && "$@"'
        done = script(desk, text.replace('"$@"', " ".join(map(str, command(*words)))))
        assert done.returncode == 2, done.stderr
        assert "current directory" in done.stderr
        assert "Traceback" not in done.stderr


def test_directory_that_is_no_project_name(desk: Desk) -> None:
    """A run here, in a directory whose name no project may have, is of the project `local`."""
    odd = desk.repository / "~proj"
    odd.mkdir()
    (odd / "train.yaml").write_text(
        'job: command\ncommand: [sh, -c, "echo project $THESEUS_PROJECT"]\n'
    )
    there = Desk(desk.place, {}, str(odd.relative_to(desk.place)))
    done = there.theseus("run", "demo", "train.yaml", "out")
    assert done.status == 0, done.err
    done = there.theseus("run", "demo", "train.yaml", "~nobody-has-this-name/out")
    assert (done.status, "defect" in done.err) == (2, False)
