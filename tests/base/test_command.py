"""The built-in job `command`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from theseus.base.command import command, command_argv
from theseus.base.config import Config


@pytest.mark.parametrize(
    "words", [["python", "train.py"], ["echo", ""], ("a", "b c", "$HOME", "'")]
)
def test_words_are_taken_as_they_are(words: list[str]) -> None:
    """No word is changed, and a config that a job is given will do as well as a dictionary."""
    assert command_argv({"command": words}) == list(words)
    assert command_argv(Config({"command": words})) == list(words)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, r"command: missing; write a list of words, as in `command: \[python, train.py\]`"),
        ({"command": None}, "command: missing"),
        ({"command": "python train.py"}, "command: expected a list, got 'python train.py'; write"),
        ({"command": 3}, "command: expected a list, got 3"),
        ({"command": []}, "command: names no program"),
        ({"command": [""]}, "command: names no program"),
        ({"command": ["python", 3]}, "command: expected words, got 3; put it in quotes"),
        ({"command": ["python", "a\0b"]}, "command: .* holds a NUL"),
    ],
)
def test_what_is_no_argv_is_refused(config: dict[str, Any], said: str) -> None:
    """The error says what is wrong and what to write."""
    with pytest.raises(ValueError, match=f"^{said}"):
        command_argv(config)


def test_the_argv_runs_to_its_end(tmp_path: Path) -> None:
    """A command that succeeds has run when the job returns."""
    command({"command": ["touch", str(tmp_path / "it's here")]}, None)
    assert (tmp_path / "it's here").exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["/nonexistent/program"], 127),
    ],
)
def test_the_status_is_that_of_the_command(words: list[str], status: int) -> None:
    """A job ends as its command does, by a signal too, and as a shell does without a program."""
    with pytest.raises(SystemExit) as ended:
        command({"command": words}, None)
    assert ended.value.code == status


def test_a_program_that_is_not_there_is_said() -> None:
    """Nobody has to guess what 127 means."""
    code = "from theseus.base.command import command; command({'command': ['/no/such']}, None)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 127
    assert finished.stderr == "theseus: /no/such cannot be started: No such file or directory\n"
