"""theseus clean, as a user runs it."""

import json
import os
import time

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import submission

pytestmark = pytest.mark.slow


def test_clean_after_a_run(desk: Desk) -> None:
    """A dry run shows what would go; then it goes, and the results stay."""
    desk.write("job.yaml", "job: command\nrequest: {min_chips: 0}\ncommand: [sh, -c, exit 3]\n")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "more")
    run = submission(desk, desk.theseus("submit", "mine", "job.yaml", "--json"))
    assert run.outcome()["state"] == "failed"
    assert desk.theseus("clean").out.strip() == "HOST  WHAT  SIZE  UNUSED  PATH"
    for path in (desk.home / "work").rglob("*"):
        os.utime(path, (10**9, 10**9), follow_symlinks=False)
    status = next((desk.home / "root/status").rglob("metadata.json"))
    os.utime(status, (10**9, 10**9))
    dry = desk.theseus("clean", "--dry-run", "--json")
    assert dry.status == 0, dry.err
    rows = json.loads(dry.out)
    assert {row["kind"] for row in rows} == {"run", "work", "tree", "runtime"}
    assert run.run_dir.exists()
    assert "would be freed" in dry.err
    done = desk.theseus("clean", "box", "--older-than", "365d")
    assert done.status == 0, done.err
    assert not run.run_dir.exists()
    assert not run.place("work").exists()
    assert run.place("results").is_dir()
    assert status.exists()
    assert run.place("log").exists()


def test_clean_all(desk: Desk) -> None:
    """Nothing has to be old for `--older-than 0`, only unused."""
    desk.write("job.yaml", "job: command\nrequest: {min_chips: 0}\ncommand: [sh, -c, exit 3]\n")
    desk.commit()
    run = submission(desk, desk.theseus("submit", "mine", "job.yaml", "--json"))
    run.outcome()
    time.sleep(1.1)  # files know whole seconds
    done = desk.theseus("clean", "--older-than", "0")
    assert done.status == 0, done.err
    assert not run.run_dir.exists()
    assert run.place("results").is_dir()


def test_clean_that_cannot_be(desk: Desk) -> None:
    """Hosts and amounts that are none are bad input."""
    refused = desk.theseus("clean", "bax")
    assert refused.status == 2
    assert "no host is called 'bax'; did you mean 'box'?" in refused.err
    refused = desk.theseus("clean", "--older-than", "soon", "--keep-size", "much")
    assert refused.status == 2
    assert "--older-than: expected a time" in refused.err
    assert "--keep-size: expected memory" in refused.err
