"""Real bash, as the far side has it: what it makes of the files that a plan holds."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

HOME = "/home/it's me"


def spoken(script: str, text: str = "", *arguments: str) -> list[str]:
    """The words that *script* prints, each ended by NUL; *text* is its standard input."""
    finished = subprocess.run(
        ["bash", "-c", script, "_", *arguments],
        env={"HOME": HOME, "PATH": "/usr/bin:/bin"},
        input=os.fsencode(text),
        capture_output=True,
        check=True,
    )
    assert finished.stderr == b""
    words = os.fsdecode(finished.stdout).split("\0")
    assert words.pop() == ""
    return words


def exported(*files: str) -> Mapping[str, str]:
    """The variables that sourcing *files*, one after the other, exports to a process."""
    words = spoken("set -a; source /dev/stdin; set +a; exec env -0", "".join(files))
    pairs = (word.partition("=") for word in words)
    return {name: value for name, _, value in pairs}


def words_of(text: str, name: str = "words") -> list[str]:
    """The elements of the array *name* that sourcing *text* sets."""
    return spoken(
        f'source /dev/stdin; ((${{#{name}[@]}})) && printf "%s\\0" "${{{name}[@]}}"', text
    )


def at_home(path: str) -> str:
    """*path* with a leading `~` replaced, as bash does it."""
    return HOME + path[1:] if path == "~" or path.startswith("~/") else path


def accepts(files: Iterable[Path]) -> None:
    """Bash reads every one of *files*."""
    for file in files:
        subprocess.run(["bash", "-n", file], check=True)
