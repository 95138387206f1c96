"""The ledger keeps every run, whoever writes at once or is killed, and says what is wrong."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from returns.result import Success

from tests.effects.ledger_writer import a_plan
from theseus.core.error_text import explain
from theseus.core.errors import Unreadable
from theseus.core.plan.plan import Plan
from theseus.core.request.run_words import AmbiguousRun, UnknownRun
from theseus.core.submit.submission import Accepted, NotSent, Rejected, Sending, Unanswered
from theseus.effects.ledger import ledger_file
from theseus.effects.ledger.entries import all_entries, find_entry
from theseus.effects.ledger.ledger import Ledger

FIRST, SECOND = "20261124-120000-aaaaaa", "20261124-120001-bbbbbb"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger will be."""
    return tmp_path / "state" / "theseus" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    """A new ledger."""
    return Ledger.open(path).unwrap()


def writer(path: Path, name: str, count: int) -> "subprocess.Popen[str]":
    """A process that writes to the ledger."""
    words = [sys.executable, "-m", "tests.effects.ledger_writer", str(path), name, str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def kept(ledger: Ledger) -> dict[str, object]:
    """What is known of each run."""
    return {entry.run_id: entry.submission for entry in all_entries(ledger).unwrap()}


def test_private(ledger: Ledger) -> None:
    """Nobody else may read which runs there are, nor look into the ledger's directory."""
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.path.parent.stat().st_mode & 0o777 == 0o700


def test_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is named, it is this user's own, in the state directory of the platform."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Ledger.open() == Success(Ledger(tmp_path / "theseus" / "ledger.sqlite"))


def test_entry(ledger: Ledger) -> None:
    """What was written is read back: the plan, when, by which config, and what is known of it."""
    plan = a_plan(FIRST, "it's 'süß'")
    assert ledger.begin(plan, "/home/\udcff/theseus.yaml") == Success(None)
    (entry,) = all_entries(ledger).unwrap()
    assert (entry.run_id, entry.name) == (FIRST, "it's 'süß'")
    assert entry.config == "/home/\udcff/theseus.yaml"
    assert entry.plan == Success(plan)
    assert timedelta(0) <= datetime.now(UTC) - entry.submitted_at < timedelta(minutes=5)
    assert (entry.submission, entry.answer) == (Sending(), None)
    ledger.settle(FIRST, Accepted("slurm 7")).unwrap()
    assert find_entry(ledger, FIRST).unwrap().answer == "slurm 7"


def test_attempts(ledger: Ledger) -> None:
    """Attempts of one run change what is known of it by the rules of the core."""
    plan = a_plan(FIRST)
    ledger.begin(plan).unwrap()
    ledger.settle(FIRST, Unanswered("cut")).unwrap()
    ledger.begin(plan).unwrap()
    assert kept(ledger) == {FIRST: Unanswered("cut")}
    ledger.settle(FIRST, NotSent("no answer")).unwrap()
    assert kept(ledger) == {FIRST: Unanswered("cut")}
    ledger.settle(FIRST, Rejected("none is there \udcff")).unwrap()
    assert kept(ledger) == {FIRST: Rejected("none is there \\udcff")}
    ledger.begin(plan).unwrap()
    assert kept(ledger) == {FIRST: Sending()}
    ledger.settle("of another ledger", Rejected("x")).unwrap()
    assert len(kept(ledger)) == 1


def test_find(ledger: Ledger) -> None:
    """A run is found by id, part of it, or name; the newest of a name; the newest stands first."""
    for run_id in (FIRST, SECOND):
        ledger.begin(a_plan(run_id)).unwrap()
    assert [entry.run_id for entry in all_entries(ledger).unwrap()] == [SECOND, FIRST]
    for word, run_id in ((FIRST, FIRST), ("aaaaaa", FIRST), ("demo", SECOND)):
        assert find_entry(ledger, word).unwrap().run_id == run_id
    assert find_entry(ledger, "2026").failure() == AmbiguousRun("2026", (SECOND, FIRST))
    assert find_entry(ledger, "dem").failure() == UnknownRun("dem", ("demo",))


@pytest.mark.slow
def test_many_processes(path: Path) -> None:
    """Six processes that open, make and write the ledger at once lose nothing."""
    writers = [writer(path, f"writer{number}", 10) for number in range(6)]
    assert [process.communicate()[0].count("settled") for process in writers] == [10] * 6
    assert [process.returncode for process in writers] == [0] * 6
    found = kept(Ledger.open(path).unwrap())
    assert len(found) == 60
    assert {type(submission) for submission in found.values()} == {Accepted}


def test_made_by_another_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that another process makes while this one looks at the file is no other database."""
    others = list[threading.Thread]()

    class Looking(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "PRAGMA user_version" and not others:
                others.append(threading.Thread(target=lambda: Ledger.open(path).unwrap()))
                others[0].start()
                others[0].join(0.3)  # it is done by then, unless it has to wait
            return super().execute(sql, *values)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Looking))
    assert Ledger.open(path) == Success(Ledger(path))
    others[0].join()
    assert kept(Ledger(path)) == {}


def test_many_threads(ledger: Ledger) -> None:
    """One ledger serves many threads."""
    plans = [a_plan(f"20261124-120000-{number:06}") for number in range(30)]

    def write(plan: Plan) -> None:
        ledger.begin(plan).unwrap()
        ledger.settle(plan.run.id, Accepted("1 2 3")).unwrap()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, plans))
    assert kept(ledger) == {plan.run.id: Accepted("1 2 3") for plan in plans}


@pytest.mark.slow
def test_killed_at_any_moment(path: Path) -> None:
    """What the ledger said that it keeps is there after SIGKILL, and nothing is half written."""
    for turn in range(6):
        with writer(path, f"turn{turn}", 10**6) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            time.sleep(0.013 * turn)
            process.kill()
            said += process.stdout.readlines()
        found = kept(Ledger.open(path).unwrap())
        for line in said:
            if line.endswith("\n"):
                word, run_id = line.split()
                assert isinstance(
                    found[run_id], Accepted if word == "settled" else Sending | Accepted
                )
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def of_version(path: Path, version: int) -> None:
    """Write a ledger as the theseus of *version* did, with a run in it."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        for statement in (each for step in ledger_file.MIGRATIONS[:version] for each in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {ledger_file.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        columns = "run_id, name, submitted_at, submission, detail, plan"
        values = (FIRST, "demo", "2026-11-24T12:00:00+00:00", "accepted", "slurm 7", "{}")
        connection.execute(f"INSERT INTO runs ({columns}) VALUES {values}")  # noqa: S608  constants of this test
        connection.commit()


@pytest.mark.parametrize("version", range(1, len(ledger_file.MIGRATIONS) + 1))
def test_older_versions(path: Path, version: int) -> None:
    """A ledger of any released version is brought to today's and keeps its runs."""
    of_version(path, version)
    ledger = Ledger.open(path).unwrap()
    assert kept(ledger) == {FIRST: Accepted("slurm 7")}
    ledger.begin(a_plan(SECOND)).unwrap()
    assert find_entry(Ledger.open(path).unwrap(), "demo").unwrap().run_id == SECOND


def test_plan_of_another_theseus(path: Path) -> None:
    """A plan that this theseus cannot read is said when it is asked for; the run is known still."""
    of_version(path, 1)
    entry = find_entry(Ledger.open(path).unwrap(), "demo").unwrap()
    assert "not a plan" in explain(entry.plan.failure())
    assert FIRST in explain(entry.plan.failure())


def no_database(path: Path) -> None:
    """Some text."""
    path.write_text("these are not the runs you are looking for\n" * 100)


def foreign(path: Path) -> None:
    """A database of another program."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moz_places (url)")


def newer(path: Path) -> None:
    """A ledger of the future."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {ledger_file.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (no_database, "file is not a database"),
        (foreign, "is a database of something else"),
        (newer, "was written by a newer theseus (version 999 of its tables); update theseus"),
    ],
)
def test_no_ledger(path: Path, make: Callable[[Path], None], said: str) -> None:
    """A file that is no ledger stays as it is, and it is said how to come by one."""
    path.parent.mkdir(parents=True)
    make(path)
    before = path.read_bytes()
    error = Ledger.open(path).failure()
    assert isinstance(error, Unreadable)
    assert (error.kind, error.path) == ("ledger", str(path))
    assert said in explain(error)
    assert "theseus ps --rescan" in explain(error)
    assert path.read_bytes() == before


def test_damaged(ledger: Ledger) -> None:
    """A ledger that is damaged later is said too, by whatever is asked of it."""
    ledger.begin(a_plan(FIRST)).unwrap()
    ledger.path.write_bytes(ledger.path.read_bytes()[:4096] + b"\xff" * 4096)
    for error in (
        all_entries(ledger).failure(),
        find_entry(ledger, "demo").failure(),
        ledger.begin(a_plan(SECOND)).failure(),
        ledger.settle(FIRST, Accepted("1")).failure(),
    ):
        assert "theseus ps --rescan" in explain(error)


def test_no_place(tmp_path: Path) -> None:
    """Where no ledger can be made, that is said with the place."""
    (tmp_path / "state").write_text("a file where the directory should be")
    error = Ledger.open(tmp_path / "state" / "ledger.sqlite").failure()
    assert "state" in explain(error)
    assert "look at the disk and its permissions" in explain(error)
