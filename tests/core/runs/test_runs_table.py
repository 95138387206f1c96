"""The table of runs: readable in 80 columns, whole for other programs."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.effects.ledger_writer import a_plan
from theseus.core.runs.run_state import (
    Completed,
    Failed,
    Lost,
    Queued,
    Running,
    Unreachable,
    is_resting,
)
from theseus.core.runs.runs_table import RunRow, age_text, render_runs, run_data
from theseus.core.solve.verdict import Allocation

FIRST = "20261124-120000-aaaaaa"
PLAN = a_plan(FIRST)
EIGHT = evolve(PLAN, allocation=Allocation("h100", 2, 4, (), None, None, None, None, None))
LONG = a_plan("20261124-120000-bbbbbb", "a name that goes on and on and on and does not end soon")
AT = "2026-11-24T12:00:00+00:00"
ROWS = (
    RunRow(EIGHT, Queued("Resources"), AT, 125),
    RunRow(PLAN, Failed("out of memory", None, 1), AT, 90061),
    RunRow(PLAN, Failed("", None, 3), AT, 3),
    RunRow(PLAN, Failed("SLURM says TIMEOUT"), AT, 3),
    RunRow(PLAN, Unreachable("no answer in time"), AT, 4000, Running(), 300),
    RunRow(PLAN, Unreachable("no answer in time"), AT, 4000),
    RunRow(LONG, Completed(), AT, 59, Running(), 100),
)


def test_whole() -> None:
    """For another program nothing is cut."""
    head, *lines = render_runs(ROWS, None).splitlines()
    assert head.split() == ["RUN", "NAME", "HOST", "CHIPS", "STATE", "AGE", "DETAIL"]
    said = (
        "8 x h100  queued       2m   Resources",
        "failed       1d   exit status 1; out of memory",
        "3s   exit status 3",
        "3s   SLURM says TIMEOUT",
        "unreachable  1h   running 5m ago; no answer in time",
        "unreachable  1h   no answer in time",
        "completed    59s",
    )
    for line, end in zip(lines, said, strict=True):
        assert line.endswith(end)
    assert LONG.run.name in lines[-1]


def test_cut() -> None:
    """On a terminal no line is broken, and what counts stays: id, host, chips, state, age."""
    lines = render_runs(ROWS, 80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "a name that goe…" in lines[-1]
    for line in lines[1:]:
        assert any(f"  {age}" in line for age in ("2m", "1d", "3s", "1h", "59s"))
    assert lines[5].endswith("…")


@given(st.integers(-100, 10**9))
def test_age(seconds: int) -> None:
    """An age is short whatever it is."""
    assert len(age_text(seconds)) <= 6
    assert age_text(3599) == "59m"


def test_data() -> None:
    """For programs a row holds run, target, state and places as values."""
    data = run_data(ROWS[0])
    assert (data["run"], data["state"], data["detail"]) == (FIRST, "queued", "Resources")
    assert (data["chip"], data["chips"], data["last"]) == ("h100", 8, None)
    assert run_data(ROWS[4])["last"] == {"state": "running", "detail": ""}
    assert data["log"].endswith(f"{FIRST}.log")


def test_resting() -> None:
    """A run that is lost rests, one that is out of sight does not."""
    assert is_resting(Lost())
    assert is_resting(Completed())
    assert not is_resting(Unreachable())
