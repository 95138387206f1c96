"""`--record` and `theseus replay`: a submission as a file, performed again without its host."""

import copy
import json
import stat
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished, command, unchanged
from tests.cli.runs import job, submission

pytestmark = pytest.mark.slow


def last_line(finished: Finished) -> str:
    """The last line of what was said."""
    return finished.err.splitlines()[-1]


def recorded(desk: Desk) -> tuple[Path, dict[str, Any]]:
    """The recording of a run that has completed, and what is in it."""
    job(desk, "echo there")
    path = desk.place / "recording.json"
    sent = desk.theseus("submit", "demo", "train.yaml", "--json", "--record", str(path))
    assert submission(desk, sent).outcome()["state"] == "completed"
    return path, json.loads(path.read_text())


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
    path.rename(desk.repository / "recording.json")
    planned = inside(desk, "plan", "demo", "train.yaml", "--json", "--explain")
    assert (planned.status, planned.err) == (0, ""), "a recording is none of the source"
    assert [line["verdict"] for line in json.loads(planned.out)] == ["chosen"]


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
    for link, to in (("loop", "loop"), ("dangling", "nowhere/file")):
        (desk.repository / link).symlink_to(to)
    for words, said in (
        (("--record", "/no/such/place"), "recording /no/such/place: /no/such is no directory"),
        (("--record", "loop"), "recording loop: "),
        (("--record", "dangling"), "/nowhere is no directory; name another with --record"),
        (("--record", 300 * "a"), "aaa: file name too long; name another with --record"),
        (("--record", "file", "--sweep", "seed=1,2"), "--record: is for one run, and this is"),
    ):
        refused = unchanged(desk, partial(inside, desk, "submit", "demo", "train.yaml", *words))
        assert refused.status == 2
        assert said in refused.err


def test_no_plan(desk: Desk, inside: Inside) -> None:
    """Where nothing fits there is nothing to record, which is said."""
    job(desk, "echo never")
    refused = inside(desk, "submit", "demo", "train.yaml", "-n", "64", "--record", "x.json")
    assert refused.status == 3
    assert "nothing was sent to a host, so nothing is recorded" in refused.err
    assert not (desk.repository / "x.json").exists()


def test_recording_where_it_prints(desk: Desk) -> None:
    """A recording goes to a file that is printed to as well, and takes nothing of it away."""
    job(desk, "echo there")
    words = command("submit", "demo", "train.yaml", "--json", "--record", "/dev/stdout")
    path = desk.place / "printed"
    path.write_text("before\n")
    with path.open("a") as file:
        subprocess.run(words, cwd=desk.repository, env=desk.environment(), stdout=file, check=True)
    before, _, printed = path.read_text().partition("\n")
    recorded, end = json.JSONDecoder().raw_decode(printed)
    assert (before, sorted(recorded)) == ("before", ["performed", "plan", "version"])
    assert json.loads(printed[end:])["run"] == recorded["plan"]["run"]["id"]


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
        ("[]", "no recording: it is something else"),
        ('{"version": 1}', "no recording: it is something else"),
        ('{"version": 2, "plan": {}, "performed": []}', "another theseus has written it"),
        ('{"version": 1, "plan": {}, "performed": []}', "it has no key 'version'"),
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
    path, data = recorded(desk)
    (segment,) = data["performed"]
    other = copy.deepcopy(segment)
    other["segment"]["steps"][0]["mode"] = 0o777
    short = {**segment, "outcomes": segment["outcomes"][1:]}
    for performed, said in (
        ([], "the recording ends before the segment at step 0 on box"),
        ([other], "step 0 on box differs: recorded MakeDir"),
        ([segment, segment], "it goes on after the end of its plan"),
        ([short], f"{len(short['outcomes'])} outcomes for {len(segment['outcomes'])} steps"),
    ):
        path.write_text(json.dumps({**data, "performed": performed}))
        refused = replayed(inside, desk, path)
        assert (refused.status, refused.out) == (2, "")
        assert said in refused.err


def test_what_a_stranger_recorded(desk: Desk, inside: Inside) -> None:
    """Nothing that a recording says is obeyed by the terminal that it is shown on."""
    path, data = recorded(desk)
    data["performed"][0]["outcomes"][-1]["output"] = "1 2 \x1b]0;title\x07"
    path.write_text(json.dumps(data))
    shown = replayed(inside, desk, path)
    assert "    | 1 2 \\x1b]0;title\\x07\n" in shown.out
