"""Start-up: what is imported when, and what it costs beside an interpreter that does nothing."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.bad_inputs import PLAN
from tests.cli.desk import Desk
from theseus import __version__

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(sys.executable).with_name("theseus")
MINIMAL = '''
from cyclopts import App

app = App(name="minimal", help="A minimal application.", version="1")


@app.command
def greet(name: str) -> None:
    """Greet somebody."""
    print(name)


app()
'''
LOADED = """
import sys
from theseus.cli import main

sys.argv = ["theseus", *sys.argv[1:]]
try:
    main()
finally:
    sys.stderr.write("LOADED " + " ".join(sys.modules))
"""
ROUNDS, TRIES = 9, 4


def loaded(desk: Desk, *words: str) -> set[str]:
    """The modules that a command has imported by its end."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=desk.repository,
        env={**desk.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.rpartition("LOADED ")[2].split())


def seconds(words: Sequence[str]) -> float:
    """How long a command takes."""
    start = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def times_as_long(one: Sequence[str], other: Sequence[str]) -> float:
    """How many times as long as *other* one takes: medians of runs that take turns."""
    pairs = [(seconds(one), seconds(other)) for _ in range(ROUNDS)]
    first, second = (statistics.median(pair[at] for pair in pairs) for at in (0, 1))
    return first / second


def best(one: Sequence[str], other: Sequence[str], limit: float) -> float:
    """The best of a few tries, as the machine may be busy with other things."""
    least = float("inf")
    for _ in range(TRIES):
        least = min(least, times_as_long(one, other))
        if least < limit:
            break
    return least


def command() -> list[str]:
    """The console script, or what is the same where it is not installed."""
    return [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "theseus.cli"]


@pytest.mark.slow
def test_version_is_fast() -> None:
    """`--version` takes less than twice as long as an interpreter that does nothing."""
    assert best([*command(), "--version"], [sys.executable, "-c", "pass"], 2.0) < 2.0


@pytest.mark.slow
def test_help_is_fast(tmp_path: Path) -> None:
    """`--help` takes less than 1.2 times as long as that of a minimal application."""
    minimal = tmp_path / "minimal.py"
    minimal.write_text(MINIMAL)
    assert best([*command(), "--help"], [sys.executable, str(minimal), "--help"], 1.2) < 1.2


def test_version(desk: Desk) -> None:
    """The version is the distribution's."""
    assert __version__ == version("theseus-dispatch")
    assert desk.theseus("--version").out == f"theseus {__version__}\n"


def test_version_imports_nothing(desk: Desk) -> None:
    """`--version` imports nothing but theseus itself."""
    modules = loaded(desk, "--version")
    assert {name for name in modules if name.startswith("theseus")} == {"theseus", "theseus.cli"}
    assert not modules & {"typing", "re", "importlib.metadata", "cyclopts"}


def test_help_of_a_command(desk: Desk) -> None:
    """It tells no default that is nothing, and leaves the examples to the help of all commands."""
    own, all_commands = desk.theseus("plan", "--help").out, desk.theseus("--help").out
    assert "default: ()" not in own
    assert "default: False" not in own
    assert "Examples:" in all_commands
    assert "Examples:" not in own


def test_help_imports_no_command(desk: Desk) -> None:
    """`--help` imports no command, and nothing that commands are made of."""
    modules = loaded(desk, "--help")
    assert "cyclopts" in modules
    assert not [name for name in modules if name.startswith(("theseus.core", "theseus.effects"))]
    assert not modules & {"returns", "cattrs", "yaml", "omegaconf", "asyncssh"}


def test_dry_run_imports_no_ssh(desk: Desk) -> None:
    """Planning imports asyncssh only to reach a host by it, and OmegaConf only for `${`."""
    modules = loaded(desk, *PLAN)
    assert "theseus.core.plan.build" in modules
    assert not modules & {"asyncssh", "omegaconf"}


HEAVY = {"asyncio", "asyncssh", "cattrs", "importlib.metadata", "omegaconf", "rich.console"}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (PLAN, set()),
        ((*PLAN, "--json"), {"cattrs"}),
        (("jobs",), set()),
        (("hosts",), {"asyncio", "cattrs"}),
        (("submit", "demo", "train.yaml"), {"asyncio", "cattrs"}),
        (("configure", "command", "new.yaml"), set()),
    ],
)
@pytest.mark.slow
def test_what_is_imported(desk: Desk, words: tuple[str, ...], needed: set[str]) -> None:
    """A command imports what it needs of what is slow to import, and no more."""
    assert loaded(desk, *words) & HEAVY == needed


def test_what_plans_is_imported_while_hosts_are_connected_to() -> None:
    """What is imported before hosts are contacted neither plans nor keeps nor explains."""
    show = "import sys, theseus.cli.submit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert "theseus.effects.submit.outlook" in modules
    late = {"theseus.core.plan.build", "theseus.core.plan.codec", "theseus.core.error_text"}
    assert not modules & {*late, "theseus.effects.submit.submission", "cattrs", "sqlite3"}


def test_asyncssh_without_what_it_can_spare() -> None:
    """X.509 is not imported with asyncssh where it could not be used, nor are libraries lost."""
    ask = (
        "import sys; from concurrent.futures import ThreadPoolExecutor as Pool;"
        "from ctypes.util import find_library as find;"
        "from theseus.effects.perform.reach import _import_asyncssh as get;"
        "pool = Pool(3); list(pool.map(lambda _: get(), range(3)));"
        "print('cryptography.x509' in sys.modules, 'asyncssh.crypto.x509' in sys.modules);"
        "import ctypes.util; print(ctypes.util.find_library is find)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


LAST_WORDS = """
import atexit, threading, time
from theseus.registry import job

@job("demo/last")
def last(cfg, spec):
    "A job."

def late():
    time.sleep(0.2)
    print("a thread has ended", flush=True)

atexit.register(print, "said at exit")
threading.Thread(target=late).start()
"""


def test_what_others_left_for_the_end(desk: Desk) -> None:
    """The quick end of a command waits for threads and for what the jobs' code left to be done."""
    desk.write("last.py", LAST_WORDS)
    done = desk.theseus("configure", "demo/last", "new.yaml", "--load", "last")
    assert done.out.splitlines()[-2:] == ["a thread has ended", "said at exit"]
    assert done.status == 0
    assert desk.theseus("configure", "demo/lost", "other.yaml", "--load", "last").status == 2


LEFT_OPEN = """
from theseus.registry import job

@job("demo/open")
def leave_open(cfg, spec):
    "A job that leaves a file open."
    global log
    log = open("left.txt", "w")
    log.write("written")
"""


def test_files_that_a_job_left_open(desk: Desk) -> None:
    """A run in this process ends as Python does, with all files written."""
    desk.write("open_job.py", LEFT_OPEN)
    desk.write("open.yaml", "job: demo/open\n")
    done = desk.theseus("run", "demo", "open.yaml", "out", "--load", "open_job")
    assert done.status == 0, done.err
    assert next(desk.place.rglob("left.txt")).read_text() == "written"
