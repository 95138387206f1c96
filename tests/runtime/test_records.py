"""What is written about a run, and what is read while it is written."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.runtime.host import Site, Source, read, until
from theseus.runtime.documents import read_document, replace_document, write_once
from theseus.runtime.early_end import main as record
from theseus.runtime.leftovers import contents, leftover
from theseus.runtime.outcome import Outcome, write_outcome
from theseus.runtime.payload import filled, masked


@pytest.mark.slow
def test_the_heart_beats(site: Site) -> None:
    """While a job runs its metadata says so again and again, and is whole at every moment."""
    site.lay(Source())
    call = "import os, sys, pathlib; from theseus.runtime.supervisor import supervise; "
    call += "sys.exit(supervise(pathlib.Path(sys.argv[1]), os.environ, 0.01))"
    site.work_dir.mkdir(parents=True)
    (site.work_dir / "train.sh").write_text("sleep 1.2")
    names = ("WORK", "STATUS", "DATA", "CHECKPOINT", "RESULTS")
    directories = {f"THESEUS_{name}_DIR": str(site.home / name.lower()) for name in names}
    directories["THESEUS_WORK_DIR"] = str(site.work_dir)
    environment = {**site.environment, **directories, "PYTHONPATH": str(site.runtime)}
    process = subprocess.Popen([sys.executable, "-c", call, str(site.run_dir)], env=environment)
    until((site.status_dir / "metadata.json").exists)
    seen = set()
    while process.poll() is None:
        metadata = site.metadata
        seen.add((metadata["state"], metadata["heartbeat"]))
    assert process.returncode == 0
    assert len({beat for state, beat in seen if state == "running"}) >= 2
    assert site.metadata["state"] == "completed"
    assert isinstance(site.metadata["pid"], int)


@pytest.mark.slow
def test_a_status_directory_that_cannot_be_written(site: Site) -> None:
    """A run whose state cannot be recorded does not start, and says why."""
    site.status_dir.parent.mkdir(parents=True, exist_ok=True)
    site.status_dir.write_text("a file")
    site.lay(Source())
    assert site.run() == 1
    assert site.outcome["message"].endswith(f"{site.status_dir}: File exists")


def test_a_document_is_whole(tmp_path: Path) -> None:
    """A reader sees the old document or the new one, never a part."""
    path = tmp_path / "d.json"
    replace_document(path, {"n": 0, "fill": "x" * 10_000})
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            replace_document(path, {"n": number, "fill": "x" * 10_000})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert len(read(path)["fill"]) == 10_000
    writer.join()


def test_the_first_end_counts(tmp_path: Path) -> None:
    """A document written once stays as it is, and no temporary file stays behind."""
    path = tmp_path / "outcome.json"
    assert write_once(path, {"first": True})
    assert not write_once(path, {"first": False})
    assert read(path) == {"first": True}
    assert list(tmp_path.iterdir()) == [path]


def test_a_document_is_an_object(tmp_path: Path) -> None:
    """A list is no document."""
    (tmp_path / "d.json").write_text("[1]")
    with pytest.raises(ValueError, match="no JSON object"):
        read_document(tmp_path / "d.json")


def test_the_command_line_of_an_early_end(tmp_path: Path) -> None:
    """The bootstrap's record has every field, though payload and directories are missing."""
    assert record([str(tmp_path), "failed", "unpack", "137", 'it\'s "so"', ""]) == 0
    outcome = read(tmp_path / "outcome.json")
    assert outcome.pop("ended_at").endswith("Z")
    assert outcome == {
        "state": "failed",
        "exit_status": 137,
        "signal": 9,
        "stage": "unpack",
        "message": 'it\'s "so"',
        "work_dir": None,
    }


@pytest.mark.parametrize(
    ("state", "left"),
    [("completed", False), ("failed", False), ("cancelled", False), ("preempted", True)],
)
def test_secrets_leave_before_the_end_is_told(
    tmp_path: Path,
    state: str,
    left: bool,  # noqa: FBT001  a value of a parametrized case, never written by hand
) -> None:
    """Where an end is on record the secrets are gone, unless the run may come back for them."""
    (tmp_path / "secrets.env").write_text("TOKEN=1")
    unwritable = tmp_path / ("x" * 300)  # as where a process is killed before it has written
    with pytest.raises(OSError, match="too long"):
        write_outcome(unwritable, Outcome(state, 0, None, "job", "", None))
    assert (tmp_path / "secrets.env").exists() is left


def test_secrets_in_lists_and_mappings() -> None:
    """A secret is found wherever it stands, and masked there."""
    config = {
        "a": [{"b": {"$secret": ["x", {"variable": "V"}]}}],
        "$secret": [1],
        "c": {"$secret": []},
    }
    assert filled(config, {"V": "y"}) == {"a": [{"b": "xy"}], "$secret": [1], "c": ""}
    assert masked(config) == {"a": [{"b": "***"}], "$secret": [1], "c": "***"}


def test_numbers_from_the_environment() -> None:
    """Where a number is meant, the job gets what the text spells; it is masked like any secret."""
    config = {"steps": {"$decoded": ["1", {"variable": "V"}]}, "none": {"$decoded": ["null"]}}
    assert filled(config, {"V": "5"}) == {"steps": 15, "none": None}
    assert filled(config, {"V": "x"}) == {"steps": "1x", "none": None}
    assert masked(config) == {"steps": "***", "none": "***"}


def test_leftovers(tmp_path: Path) -> None:
    """New and changed files are left over; deleted ones and what tools rebuild are not."""
    (tmp_path / "kept").write_text("1")
    (tmp_path / "deleted").write_text("1")
    before = contents(tmp_path)
    (tmp_path / "deleted").unlink()
    for name in (".venv/bin", "src/__pycache__", "toy.egg-info", "empty"):
        (tmp_path / name).mkdir(parents=True)
        if name != "empty":
            (tmp_path / name / "file").write_text("1")
    assert leftover(tmp_path, before) is None
    (tmp_path / "src/new").symlink_to("nowhere")
    assert leftover(tmp_path, before) == "src/new"
    (tmp_path / "src/new").unlink()
    (tmp_path / "kept").write_text("22")
    assert leftover(tmp_path, before) == "kept"
