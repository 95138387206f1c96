"""`theseus apply`: a saved plan is performed once, where it still fits, by the theseus it is of."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, unchanged
from tests.cli.gpus import pretend_gpus, uuid
from tests.cli.runs import job, submission

pytestmark = pytest.mark.slow


def saved(inside: Inside, desk: Desk, *words: str, name: str = "p.yaml") -> str:
    """The path of a plan, saved outside of the repository."""
    path = str(desk.place / name)
    finished = inside(desk, "plan", "demo", "train.yaml", "-o", path, *words)
    assert finished.status == 0, finished.err
    return path


def edited(path: str, old: str, new: str) -> str:
    """The path of a JSON plan after replacing *old* by *new* in its text."""
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))
    return path


def refused(inside: Inside, desk: Desk, path: str, status: int) -> str:
    """Why the plan at *path* is not performed; nothing is started."""
    finished = unchanged(desk, lambda: inside(desk, "apply", path))
    assert (finished.status, finished.out) == (status, "")
    assert "Traceback" not in finished.err
    return finished.err


@pytest.mark.parametrize("name", ["p.yaml", "p.json"])
def test_apply(desk: Desk, inside: Inside, name: str) -> None:
    """A saved plan is performed as it was shown, and its run has the id that was shown."""
    job(desk, "echo applied")
    path = saved(inside, desk, name=name)
    desk.write("train.yaml", "changed: since\n")
    finished = desk.theseus("apply", path, "--follow")
    assert finished.status == 0, finished.err
    assert "applied" in finished.out
    (run_dir,) = (desk.home / "work/.dispatch/runs").iterdir()
    plan = json.loads((run_dir / "plan.json").read_text())
    assert run_dir.name == plan["run"]["id"]
    assert plan["run"]["id"] in Path(path).read_text()


def test_apply_twice(desk: Desk, inside: Inside) -> None:
    """A second time starts nothing and says so, with the answer of the first."""
    job(desk, "echo ran >>~/count")
    path = saved(inside, desk)
    first = submission(desk, desk.theseus("apply", path, "--json"))
    assert first.outcome()["state"] == "completed"
    again = desk.theseus("apply", path, "--json")
    second = submission(desk, again)
    assert "was submitted before" in again.err
    assert (second.said["again"], first.said["again"]) == (True, False)
    assert second.said["answer"] == first.said["answer"]
    assert (desk.home / "count").read_text() == "ran\n"
    followed = desk.theseus("apply", path, "--follow")
    assert (followed.status, "was submitted before" in followed.err) == (0, True)


def test_stale_plan(desk: Desk, inside: Inside) -> None:
    """When the GPUs are taken meanwhile it is refused with the difference; --force overrides."""
    pretend_gpus(desk, 4)
    job(desk, 'echo "<$CUDA_VISIBLE_DEVICES>"')
    path = saved(inside, desk, "--chip", "h100", "-n", "2")
    pretend_gpus(desk, 4, 0, 1, 2)
    text = refused(inside, desk, path, 3)
    assert "the plan is stale: box has changed" in text
    assert "needs 2 h100 chips; 1 free of 4" in text
    assert "--force" in text
    forced = desk.theseus("apply", path, "--force", "--follow")
    assert forced.status == 0, forced.err
    assert f"<{uuid(3)},{uuid(0)}>" in forced.out
    assert f"{uuid(0)} is in use by another program" in forced.out


def test_gpu_gone(desk: Desk, inside: Inside) -> None:
    """A GPU that is no longer there is a difference too, also when enough others are free."""
    pretend_gpus(desk, 1)
    path = saved(inside, desk, "--n_chips", "1")
    pretend_gpus(desk, 4)
    text = (desk.home / "gpus" / "query").read_text()
    (desk.home / "gpus" / "query").write_text(text.replace(uuid(0), uuid(9)))
    assert f"GPU {uuid(0)} is gone" in refused(inside, desk, path, 3)


def test_other_version_of_theseus(desk: Desk, inside: Inside) -> None:
    """A plan whose shipped files are not this theseus's is not performed."""
    path = saved(inside, desk, name="p.json")
    runtime = json.loads(Path(path).read_text())
    sha256 = next(
        step["content"]["sha256"] for step in runtime["steps"] if step["step"] == "EnsureFile"
    )
    edited(path, f'"sha256": "{sha256}"', f'"sha256": "{"0" * 64}"')
    finished = inside(desk, "apply", path)
    assert finished.status == 1
    assert "made by another version of theseus" in finished.err
    assert "make the plan again" in finished.err
    assert not list((desk.home / "work/.dispatch/runs").glob("*/answer"))


def test_other_schema(desk: Desk, inside: Inside) -> None:
    """A plan of another schema version is refused, with both versions."""
    path = edited(saved(inside, desk, name="p.json"), '"version": 1', '"version": 2')
    assert "schema version 2; this theseus reads version 1" in refused(inside, desk, path, 2)


def test_damaged_plan(desk: Desk, inside: Inside) -> None:
    """A plan that was edited into nonsense is refused with the places."""
    path = edited(saved(inside, desk, name="p.json"), '"mode": 448', '"mode": "rwx"')
    assert "not a plan" in refused(inside, desk, path, 2)


def test_dirty_tree_is_kept(desk: Desk, inside: Inside) -> None:
    """A plan of uncommitted files ships what was there when it was made, wherever it is applied."""
    job(desk, "cat new.txt")
    desk.write("new.txt", "as planned\n")
    path = saved(inside, desk, "--dirty")
    (desk.repository / "new.txt").unlink()
    elsewhere = Desk(desk.place, {}, "home")
    finished = elsewhere.theseus("apply", path, "--follow")
    assert finished.status == 0, finished.err
    assert "as planned" in finished.out


def test_committed_tree_after_more_commits(desk: Desk, inside: Inside) -> None:
    """A plan of a commit ships that commit, wherever HEAD is by now."""
    job(desk, "cat text")
    desk.write("text", "one\n")
    desk.commit()
    path = saved(inside, desk)
    desk.write("text", "two\n")
    desk.commit()
    finished = desk.theseus("apply", path, "--follow")
    assert "one" in finished.out


def test_source_not_to_be_had(desk: Desk, inside: Inside) -> None:
    """Away from the repository a plan of a commit has nothing to ship, which is said."""
    path = saved(inside, desk)
    finished = inside(Desk(desk.place, {}, "home"), "apply", path)
    assert finished.status == 1
    assert "not in a git repository" in finished.err
    assert "where the source is" in finished.err
    assert not list((desk.home / "work/.dispatch/runs").glob("*/answer"))
    assert inside(desk, "apply", path).status == 0, "the same plan, from the right place"
