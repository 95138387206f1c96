"""Starters: the tests' side of `starter.py`, which starts a command of theseus in milliseconds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import Desk, Finished

STARTER = Path(__file__).with_name("starter.py")


@frozen
class Started:
    """A command that runs, with its process id, and the files that take its output."""

    starter: "Starter"
    pid: int
    out: Path
    err: Path

    def finished(self) -> Finished:
        """What it said, when it has ended."""
        status = self.starter.ask({"wait": self.pid})
        return Finished(status, self.out.read_text(), self.err.read_text())


class Starter:
    """Starts commands from *desk*, through *process*."""

    def __init__(self, desk: Desk, process: "subprocess.Popen[str]") -> None:
        self.desk = desk
        self._process = process
        self._count = 0

    def ask(self, request: dict[str, Any]) -> int:
        """What *request* is answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self, *words: str, **variables: str) -> Started:
        """Start theseus with *words*, and more environment *variables*."""
        self._count += 1
        out, err = (
            self.desk.place / "tmp" / f"{self._process.pid}-{self._count}.{stream}"
            for stream in ("out", "err")
        )
        asked = {
            "words": words,
            "environment": {**self.desk.environment(), **variables},
            "current": str(self.desk.repository),
            "out": str(out),
            "err": str(err),
        }
        return Started(self, self.ask({"start": asked}), out, err)

    def theseus(self, *words: str, **variables: str) -> Finished:
        """Run theseus with *words* to its end."""
        return self.start(*words, **variables).finished()


@contextmanager
def starter(desk: Desk) -> Iterator[Starter]:
    """A starter of commands from *desk*."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, str(STARTER)], stdin=pipe, stdout=pipe, text=True
    ) as process:
        try:
            yield Starter(desk, process)
        finally:
            process.kill()
