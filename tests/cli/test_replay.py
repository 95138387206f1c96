"""`--record` and `theseus replay`: a submission as a file, performed again without its host."""

import json
import stat
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished, unchanged
from tests.cli.runs import job, submission

pytestmark = pytest.mark.slow


def last_line(finished: Finished) -> str:
    """The last line of what was said."""
    return finished.err.splitlines()[-1]


def replayed(inside: Inside, desk: Desk, path: Path, *words: str) -> Finished:
    """The replay of the recording at *path*, which changes nothing."""
    return unchanged(desk, lambda: inside(desk, "replay", str(path), *words))


def test_replay(desk: Desk, inside: Inside) -> None:
    """A replay shows every step with what came of it, and ends as the submission did."""
    job(desk, "echo there")
    path = desk.place / "recording.json"
    sent = desk.theseus("submit", "demo", "train.yaml", "--json", "--record", str(path))
    run = submission(desk, sent)
    assert run.outcome()["state"] == "completed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = replayed(inside, desk, path)
    assert again.status == 0, again.err
    assert last_line(again) == last_line(sent)
    steps = len(json.loads((run.run_dir / "plan.json").read_text())["steps"])
    assert f"[{steps - 1}] box$ launch" in again.out
    assert again.out.splitlines()[-1] == f"    | {run.said['answer']}"
    assert "    | sent\n" in again.out
    assert replayed(inside, desk, path, "--json").out == sent.out


def test_failed_step(desk: Desk, inside: Inside) -> None:
    """A submission that a host refused is refused again, at the same step with the same words."""
    job(desk, "echo never")
    path = desk.place / "recording.json"
    desk.write("../home/work/.dispatch/trees", "a file where a directory is to be")
    sent = desk.theseus("submit", "demo", "train.yaml", "--record", str(path))
    again = replayed(inside, desk, path)
    assert (sent.status, again.status) == (1, 1)
    assert last_line(again) == last_line(sent)
    assert "    | failed with status " in again.out
    assert "    | not reached\n" in again.out


def test_unreachable_host(desk: Desk, inside: Inside) -> None:
    """A host that was not reached is not reached again; resubmissions are recorded too."""
    job(desk, "echo there")
    run = submission(desk, desk.theseus("submit", "demo", "train.yaml", "--json"))
    assert run.outcome()["state"] == "completed"
    plan = desk.place / "p.json"
    assert inside(desk, "plan", "demo", "train.yaml", "-o", str(plan)).status == 0
    data = json.loads(plan.read_text())
    data["target"] |= {"transport": "openssh", "ssh": "nowhere.invalid"}
    plan.write_text(json.dumps(data))
    path = desk.place / "recording.json"
    sent = desk.theseus("apply", str(plan), "--force", "--record", str(path))
    again = replayed(inside, desk, path)
    assert (sent.status, again.status) == (4, 4)
    assert last_line(again) == last_line(sent)
    resubmitted = desk.theseus("resubmit", "demo", "--json", "--record", str(path))
    assert submission(desk, resubmitted).outcome()["state"] == "completed"
    assert replayed(inside, desk, path, "--json").out == resubmitted.out


def test_nothing_recorded(desk: Desk, inside: Inside) -> None:
    """Where the file cannot be written, or many runs are wanted, nothing is sent."""
    job(desk, "echo never")
    for words, said in (
        (("--record", "/no/such/place"), "recording /no/such/place: /no/such is no directory"),
        (("--record", "file", "--sweep", "seed=1,2"), "--record: is for one run, and this is"),
    ):
        refused = unchanged(desk, partial(inside, desk, "submit", "demo", "train.yaml", *words))
        assert refused.status == 2
        assert said in refused.err


def test_full_disk(desk: Desk) -> None:
    """A recording that cannot be kept is said, and the run goes on."""
    job(desk, "echo there")
    sent = desk.theseus("submit", "demo", "train.yaml", "--json", "--record", "/dev/full")
    assert "recording /dev/full: no space left on device" in sent.err
    assert submission(desk, sent).outcome()["state"] == "completed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no recording: it is no JSON"),
        ("[]", "no recording: this theseus has not written it"),
        ('{"version": 1}', "it has no key 'version'"),
        ('{"version": 2}', "no recording: this theseus has not written it"),
    ],
)
def test_no_recording(desk: Desk, inside: Inside, text: str, said: str) -> None:
    """What is no recording is refused with what is wrong."""
    desk.write("x.json", text)
    refused = inside(desk, "replay", "x.json")
    assert (refused.status, refused.out) == (2, "")
    assert said in refused.err


def test_edited_recording(desk: Desk, inside: Inside) -> None:
    """A recording of other steps than those of its plan is refused, not guessed at."""
    job(desk, "echo there")
    path = desk.place / "recording.json"
    sent = desk.theseus("submit", "demo", "train.yaml", "--json", "--record", str(path))
    assert submission(desk, sent).outcome()["state"] == "completed"
    data = json.loads(path.read_text())
    data["performed"][0]["segment"]["steps"][0]["mode"] = 0o777
    for performed, said in (
        ([], "the recording ends before the segment at step 0 on box"),
        (data["performed"], "step 0 on box differs: recorded MakeDir"),
    ):
        path.write_text(json.dumps({**data, "performed": performed}))
        refused = replayed(inside, desk, path)
        assert (refused.status, refused.out) == (2, "")
        assert said in refused.err
