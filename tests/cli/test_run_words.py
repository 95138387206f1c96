"""RUN: what was submitted from here is known by its id, a part of it, and its name."""

import json

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished, unchanged
from tests.cli.runs import submission
from theseus.cli.run_words import find_run, find_runs
from theseus.core.submit.submission import Accepted, Rejected
from theseus.effects.ledger.entries import LedgerEntry, all_entries
from theseus.effects.ledger.ledger import Ledger

PLACE = ".local/state/theseus/ledger.sqlite"


def remembered(desk: Desk) -> tuple[LedgerEntry, ...]:
    """The runs that the user's ledger knows."""
    return all_entries(Ledger.open(desk.home / PLACE).unwrap()).unwrap()


def submitted(inside: Inside, desk: Desk, *words: str) -> str:
    """Submit `train.yaml`; the run's id."""
    finished = inside(desk, "submit", "demo", "train.yaml", "--json", *words)
    return submission(desk, finished).run_id


def test_submit_is_remembered(inside: Inside, desk: Desk) -> None:
    """A submission is kept with its plan, config and answer, readable to its owner alone."""
    run_id = submitted(inside, desk)
    (entry,) = remembered(desk)
    assert entry.run_id == run_id
    assert entry.config == str(desk.home / ".theseus.yaml")
    run_dir = desk.home / "work/.dispatch/runs" / run_id
    assert entry.answer == (run_dir / "answer").read_text().strip()
    assert json.loads(entry.plan_text) == json.loads((run_dir / "plan.json").read_text())
    assert (desk.home / PLACE).stat().st_mode & 0o777 == 0o600


def test_plan_writes_nothing(inside: Inside, desk: Desk) -> None:
    """Planning leaves no trace in the ledger, not even a ledger."""
    assert unchanged(desk, lambda: inside(desk, "plan", "demo", "train.yaml")).status == 0
    assert not (desk.home / ".local").exists()


def test_refusal_is_remembered(inside: Inside, desk: Desk) -> None:
    """A submission that failed is kept with the reason, and applied again it is submitted."""
    (desk.home / "work").write_text("a file where the directory should be")
    plan = str(desk.place / "p.json")
    assert inside(desk, "plan", "demo", "train.yaml", "--dry-run", "-o", plan).status == 0
    assert inside(desk, "apply", plan, "--force").status == 1
    (refused,) = remembered(desk)
    assert isinstance(refused.submission, Rejected)
    assert "work" in refused.submission.reason
    (desk.home / "work").unlink()
    assert inside(desk, "apply", plan).status == 0
    (entry,) = remembered(desk)
    assert isinstance(entry.submission, Accepted)


@pytest.mark.parametrize("content", [b"no database", None])
def test_ledger_unusable(inside: Inside, desk: Desk, content: bytes | None) -> None:
    """A ledger that cannot be written stops no submission; there is one warning."""
    place = desk.home / PLACE
    place.parent.parent.mkdir(parents=True)
    if content is None:
        place.parent.write_text("a file where the directory should be")
    else:
        place.parent.mkdir()
        place.write_bytes(content * 1000)
    finished = inside(desk, "submit", "demo", "train.yaml")
    assert finished.status == 0
    (warning,) = (line for line in finished.err.splitlines() if "ledger" in line)
    assert "the run is sent all the same" in warning
    assert "ledger.sqlite" in warning


def test_words(inside: Inside, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words mean runs: each once, the newest of a name; all that mean none are named."""
    monkeypatch.setenv("HOME", str(desk.home))
    first, second = submitted(inside, desk), submitted(inside, desk)
    assert find_run("demo").unwrap().run_id == second
    found = find_runs(("demo", second[-6:], first)).unwrap()
    assert [entry.run_id for entry in found] == [second, first]


def explained(inside: Inside, desk: Desk, *words: str) -> Finished:
    """What `theseus explain` says."""
    return inside(desk, "explain", *words)


def test_explain(inside: Inside, desk: Desk) -> None:
    """`explain` shows the decision as it was made then, whatever the config says now."""
    run_id = submitted(inside, desk)
    (desk.home / ".theseus.yaml").unlink()
    for word in (run_id, run_id[:15], "demo"):
        finished = explained(inside, desk, word)
        assert (finished.status, finished.err) == (0, "")
        head, chosen = finished.out.splitlines()
        assert head.split() == ["HOST", "PARTITION", "VERDICT", "REASON"]
        assert chosen.split()[:3] == ["box", "-", "chosen"]
    (line,) = json.loads(explained(inside, desk, "demo", "--json").out)
    assert (line["host"], line["partition"], line["verdict"]) == ("box", None, "chosen")


def test_no_such_run(inside: Inside, desk: Desk) -> None:
    """A word that means no run is bad input, with what looks like it and where to look."""
    submitted(inside, desk)
    finished = explained(inside, desk, "dmeo")
    assert (finished.status, finished.out) == (2, "")
    assert "no run is called 'dmeo'; did you mean 'demo'?" in finished.err
    assert "theseus ps --rescan" in finished.err
