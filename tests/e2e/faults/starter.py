"""`python starter.py`: starts commands of theseus, each in a process of its own that can be killed.

All imports are made before the first, so that a test may run hundreds. A line of standard input is
a request, as JSON, and is answered by a line: `start` (words, environment, current directory, and
the files that take the output) by its process id; `wait` for one by its status, negative after a
signal.
"""

import importlib
import json
import os
import sys
import tempfile
from typing import Any, NoReturn

from theseus.cli import application
from theseus.cli.invoke import invoke, speak_utf8

USED = ("theseus.cli.apply", "theseus.cli.ps", "theseus.cli.recover", "asyncio", "sqlite3")


def become(asked: dict[str, Any]) -> NoReturn:
    """Be the command that is *asked* for, as a new process would."""
    os.chdir(asked["current"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    tempfile.tempdir = None
    for number, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    speak_utf8()
    status = invoke(application(), asked["words"])
    sys.stdout.flush()
    os._exit(status)


def answer(request: dict[str, Any]) -> int:
    """The answer to *request*."""
    if "wait" in request:
        _, status = os.waitpid(request["wait"], 0)
        return os.waitstatus_to_exitcode(status)
    return os.fork() or become(request["start"])


def serve() -> None:
    """Answer every request."""
    for name in USED:
        importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"{answer(json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
