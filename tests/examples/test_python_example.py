"""The Python example does what it says, as a user would run it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEADLINE = 180  # seconds: uv may have to fetch numpy


@pytest.mark.slow
def test_dispatch_example(tmp_path: Path) -> None:
    """It plans on the made-up lab without contacting it, and trains nanolm on this machine."""
    home = tmp_path / "home"
    home.mkdir()
    said = subprocess.run(
        [sys.executable, EXAMPLES / "python" / "dispatch_example.py"],
        cwd=EXAMPLES / "nanolm",
        env=_environment(home),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "eight H100 would be found on server-a" in said
    outcome = _outcome(home / "theseus-demo" / "work" / ".dispatch" / "runs")
    assert outcome["state"] == "completed", outcome
    (summary,) = (home / "theseus-demo" / "results").rglob("summary.json")
    assert summary.is_file()


def _environment(home: Path) -> dict[str, str]:
    """This user's, with a fresh home, this interpreter's programs, and the cache uv has."""
    return {
        "UV_CACHE_DIR": str(Path("~/.cache/uv").expanduser()),
        **os.environ,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def _outcome(runs: Path) -> dict[str, object]:
    """The outcome of the one run below *runs*, waited for."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        for file in runs.glob("*/outcome.json"):
            found: dict[str, object] = json.loads(file.read_text())
            return found
        time.sleep(0.2)
    raise AssertionError("the run did not end in time")
