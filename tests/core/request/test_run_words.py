"""Run words: an id, a part of one, or a name means one run, or it is said why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from theseus.core.error_text import explain
from theseus.core.request.run_words import AmbiguousRun, Known, UnknownRun, meant, meant_all

NEW, OLD, OTHER = "20261124-135201-gh76zx", "20261124-135107-bcd234", "20261123-090000-ttt222"
RUNS = (Known(NEW, "demo"), Known(OLD, "demo"), Known(OTHER, OLD))


@pytest.mark.parametrize(
    ("word", "run_id"),
    [
        (NEW, NEW),
        (OLD, OLD),  # though it is a name too
        ("demo", NEW),
        ("20261123", OTHER),
        ("20261124-1351", OLD),
        ("gh76zx", NEW),
        ("135107-bcd234", OLD),
    ],
)
def test_meant(word: str, run_id: str) -> None:
    """A full id comes before a name, a name before a part of an id."""
    assert meant(word, RUNS) == Success(run_id)


def test_several() -> None:
    """A part of several ids means none of them, and they are named."""
    found = meant("20261124", RUNS)
    assert found == Failure(AmbiguousRun("20261124", (NEW, OLD)))
    assert NEW in explain(found.failure())
    assert OLD in explain(found.failure())


def test_none() -> None:
    """A word that means nothing is said with what looks like it, and how runs are found."""
    found = meant("dmo", RUNS)
    assert found == Failure(UnknownRun("dmo", ("demo",)))
    said = explain(found.failure())
    assert "did you mean 'demo'?" in said
    assert "theseus ps --rescan" in said
    assert "did you mean" not in explain(UnknownRun("x", ()))


@pytest.mark.parametrize("word", ["", "-", "zx", "6zx", "135107"])
def test_no_part(word: str) -> None:
    """An empty word and pieces from the middle mean nothing."""
    assert isinstance(meant(word, RUNS), Failure)


@given(st.lists(st.builds(Known, st.text(), st.text())), st.text())
def test_only_known_runs(runs: list[Known], word: str) -> None:
    """Whatever the word is, what it means is one of the runs there are."""
    found = meant(word, runs)
    assert isinstance(found, Failure) or found.unwrap() in {run.id for run in runs}


def test_sweep() -> None:
    """The name of a sweep means all of its runs by number."""
    runs = [Known(f"20261124-135201-bcdf{at:02}", f"scan-{at:02}") for at in (10, 2, 1)]
    ids = tuple(f"20261124-135201-bcdf{at:02}" for at in (1, 2, 10))
    assert meant_all("scan", runs) == Success(ids)
    assert meant_all("scan-02", runs) == Success(("20261124-135201-bcdf02",))
    assert isinstance(meant_all("scam", runs).failure(), UnknownRun)


def test_newest_sweep() -> None:
    """Of several sweeps, or runs, of one name the newest is meant; its id means a run alone."""
    old = [Known(f"old-{at}", f"scan-{at}", 100.0) for at in range(9)]
    new = [Known(f"new-{at}", f"scan-{at}", 200.0) for at in (1, 0)]
    single = Known("single", "scan", 150.0)
    assert meant_all("scan", [*new, single, *old]) == Success(("new-0", "new-1"))
    assert meant_all("scan", [single, *old]) == Success(("single",))
    assert meant_all("single", [*new, single]) == Success(("single",))
    assert meant_all("scan", [*old, single]) == Success(tuple(f"old-{at}" for at in range(9)))


def test_sweep_of_which_one_was_submitted_again() -> None:
    """A run that was submitted again takes the place of the one before; one alone is a sweep."""
    runs = [Known(f"first-{at}", f"scan-{at}", 100.0) for at in range(3)]
    again = Known("again", "scan-1", 200.0)
    assert meant_all("scan", [again, *runs]) == Success(("first-0", "again", "first-2"))
    assert meant_all("scan", [again]) == Success(("again",))
