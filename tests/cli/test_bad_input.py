"""Bad input: one clear line for each problem, exit status 2, no traceback, nothing written."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.bad_inputs import (
    CONFIGS,
    FILES,
    FLAGS,
    GROUPS,
    JOBS,
    OVERRIDES,
    PLAN,
    SUBMIT,
    BadInput,
)
from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished, command, new_desk, unchanged

ROOT = Path(__file__).resolve().parents[2]
CASES = {f"{group}: {name}": bad for group, cases in GROUPS.items() for name, bad in cases.items()}


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One desk for all: bad input leaves it as it was."""
    return new_desk(tmp_path_factory.mktemp("desk") / "user")


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """The desk, without the files of a case when that is over."""
    yield shared_desk
    shared_desk.git("clean", "-q", "-f", "-d", "-x")


def refusal(desk: Desk, finished: Finished) -> str:
    """What was said of bad input, its form checked."""
    assert finished.status == 2
    assert finished.out == ""
    assert "Traceback" not in finished.err
    for line in finished.err.splitlines():
        assert line.startswith("theseus: ")
        assert line.isprintable()
    return desk.shown(finished.err).rstrip("\n")


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, desk: Desk, inside: Inside, snapshot: SnapshotAssertion) -> None:
    """It is refused with a line for each problem, and nothing is written."""
    bad = CASES[case]
    for path, content in bad.files.items():
        desk.write(path, content)
    finished = unchanged(desk, lambda: inside(desk, *bad.words))
    assert refusal(desk, finished) == snapshot


@pytest.mark.slow
@pytest.mark.parametrize(
    "bad",
    [
        FILES["config missing"],
        CONFIGS["everything at once"],
        JOBS["module missing"],
        FLAGS["unknown flag"],
        OVERRIDES["not UTF-8"],
    ],
    ids=lambda bad: str(bad.words[-1]),
)
def test_refused_by_the_real_command(desk: Desk, bad: BadInput) -> None:
    """A process of its own says the same, and leaves as little behind."""
    for path, content in bad.files.items():
        desk.write(path, content)
    refusal(desk, unchanged(desk, lambda: desk.theseus(*bad.words)))


def test_no_default_config(desk: Desk, snapshot: SnapshotAssertion) -> None:
    """Without ~/.theseus.yaml it is said where one comes from."""
    default = desk.home / ".theseus.yaml"
    kept = default.read_text()
    default.unlink()
    try:
        finished = unchanged(desk, lambda: desk.theseus(*PLAN))
    finally:
        default.write_text(kept)
    assert refusal(desk, finished) == snapshot


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["dispatch.yaml", "job.yaml"])
def test_unreadable_file(desk: Desk, name: str) -> None:
    """A file that may not be read is said."""
    desk.write(name, "a: 1\n", mode=0)
    words = ("plan", "demo", "job.yaml", "-d", "dispatch.yaml")
    assert "permission denied" in refusal(desk, unchanged(desk, lambda: desk.theseus(*words)))


@pytest.mark.parametrize("text", ["import theseus\n1 / 0\n", "def\n", "raise SystemExit(7)\n"])
def test_module_that_breaks(desk: Desk, text: str) -> None:
    """A module that cannot be imported is bad input, with the place where it breaks."""
    desk.write("broken.py", text)
    said = refusal(desk, unchanged(desk, lambda: desk.theseus(*PLAN, "--load", "broken")))
    assert said.startswith("theseus: --load broken: ")
    assert "PROJECT/broken.py" in said


@pytest.mark.parametrize("words", [PLAN, SUBMIT])
def test_no_repository(tmp_path: Path, words: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    """Outside of a repository it is said what makes one."""
    desk = new_desk(tmp_path / "user")
    shutil.rmtree(desk.repository / ".git")
    assert refusal(desk, unchanged(desk, lambda: desk.theseus(*words))) == snapshot


@pytest.mark.parametrize("words", [PLAN, SUBMIT])
def test_no_commits(tmp_path: Path, words: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    """A repository without commits needs one, or --dirty."""
    desk = new_desk(tmp_path / "user")
    shutil.rmtree(desk.repository / ".git")
    desk.git("init", "--quiet")
    assert refusal(desk, unchanged(desk, lambda: desk.theseus(*words))) == snapshot
    assert desk.theseus(*words, "--dirty").status == 0


def test_current_directory_gone(desk: Desk) -> None:
    """A shell in a directory that is gone is told so."""
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command(*PLAN)],
        cwd=desk.repository,
        env={**desk.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = refusal(desk, Finished(done.returncode, done.stdout, done.stderr))
    assert said.startswith("theseus: current directory")


def test_config_class_that_breaks(desk: Desk) -> None:
    """Whatever a config class raises is a refusal, with the job that it is of."""
    desk.write(
        "checked.py",
        "from dataclasses import dataclass\nfrom theseus.registry import job\n\n\n@dataclass\n"
        "class Config:\n    width: int = 7\n\n    def __post_init__(self):\n"
        "        assert self.width % 2 == 0, 'odd'\n\n\n"
        "@job('x/y', config=Config)\ndef y(cfg, spec): ...\n",
    )
    desk.write("job.yaml", "job: x/y\n")
    words = ("plan", "demo", "job.yaml", "--dry-run", "--load", "checked")
    said = refusal(desk, unchanged(desk, lambda: desk.theseus(*words)))
    assert "checked.Config refuses it: AssertionError: odd" in said
