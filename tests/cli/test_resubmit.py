"""`theseus resubmit`: the same inputs once more, as a new run, wherever the user stands."""

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk
from tests.cli.runs import Submission, job, submission

pytestmark = pytest.mark.slow


def once(inside: Inside, desk: Desk, *words: str) -> Submission:
    """Submit `train.yaml` and wait for its end."""
    run = submission(desk, inside(desk, "submit", "demo", "train.yaml", "--json", *words))
    run.outcome()
    return run


def again(inside: Inside, desk: Desk, *words: str) -> Submission:
    """Submit the run once more and wait for its end."""
    run = submission(desk, inside(desk, "resubmit", *words, "--json"))
    run.outcome()
    return run


def test_same_inputs(inside: Inside, desk: Desk) -> None:
    """Source, variables and names are those of then, though HEAD, files and place are others."""
    job(desk, 'echo "<$EXTRA $THESEUS_PROJECT $THESEUS_GROUP>"; cat text')
    desk.write("text", "as of then\n")
    desk.commit()
    first = once(inside, desk, "-p", "proj", "-g", "exp", "--env", "EXTRA=its own")
    desk.write("text", "as of now\n")
    desk.commit()
    elsewhere = Desk(desk.place, {}, "home")
    second = again(inside, elsewhere, first.run_id)
    assert second.run_id != first.run_id
    log = second.place("log").read_text()
    assert "<its own proj exp>" in log
    assert "as of then" in log
    third = again(inside, elsewhere, "demo")
    assert third.run_id not in {first.run_id, second.run_id}


def test_overrides(inside: Inside, desk: Desk) -> None:
    """The job config may be changed by key=value, as when it was submitted."""
    desk.write("job.sh", 'echo "said $1"')
    text = "job: command\nrequest: {min_chips: 0}\ncommand: [sh, job.sh, one]\n"
    desk.write("train.yaml", text)
    desk.commit()
    run = once(inside, desk)
    second = again(inside, desk, run.run_id, "command.2=two")
    assert "said two" in second.place("log").read_text()
    refused = inside(desk, "resubmit", run.run_id, "comand.2=two")
    assert (refused.status, "did you mean 'command'" in refused.err) == (2, True)


def test_uncommitted_changes(inside: Inside, desk: Desk) -> None:
    """What was not committed when it was submitted is no matter when it is submitted again."""
    desk.write("notes.txt", "not committed\n")
    submitted = inside(desk, "submit", "demo", "train.yaml", "--json")
    assert "1 uncommitted change not shipped" in submitted.err
    submission(desk, submitted).outcome()
    resubmitted = inside(desk, "resubmit", "demo", "--json")
    submission(desk, resubmitted).outcome()
    assert "uncommitted" not in resubmitted.err


def test_source_that_is_gone(inside: Inside, desk: Desk) -> None:
    """A tree that is neither on the host nor in a repository here is said, and nothing starts."""
    run = once(inside, desk)
    for archive in (desk.home / "work/.dispatch/trees").iterdir():
        archive.unlink()
    refused = inside(Desk(desk.place, {}, "home"), "resubmit", run.run_id)
    assert refused.status == 1
    assert "where the source is" in refused.err
    again(inside, desk, run.run_id)


def test_other_config(inside: Inside, desk: Desk) -> None:
    """The config is the one of then, as it is now, unless another is named."""
    other = desk.place / "other.yaml"
    (desk.home / ".theseus.yaml").rename(other)
    run = once(inside, desk, "-d", str(other))
    assert again(inside, desk, run.run_id).said["host"] == "box"
    missing = inside(desk, "resubmit", run.run_id, "-d", str(desk.place / "none.yaml"))
    assert (missing.status, "none.yaml" in missing.err) == (2, True)
