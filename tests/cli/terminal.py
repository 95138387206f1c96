"""A terminal: a command that is run as at a keyboard, its questions answered as they come."""

import os
import pty
import select
import time
from collections.abc import Sequence

from tests.cli.desk import DEADLINE, Desk, Finished, command


def at_terminal(desk: Desk, words: Sequence[str], answers: Sequence[tuple[str, str]]) -> Finished:
    """Run theseus with *words*; to each text that is shown, in this order, type its answer."""
    argv = [os.fsdecode(word) for word in command(*words)]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(desk.place / desk.current)
        os.execvpe(argv[0], argv, desk.environment())  # noqa: S606  the child of the terminal
    shown, waiting = "", list(answers)
    deadline = time.monotonic() + DEADLINE
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break  # nobody has the terminal open any more
            shown += data.decode("utf-8", "replace")
            if waiting and waiting[0][0] in shown.rpartition("\n")[2]:
                os.write(terminal, f"{waiting.pop(0)[1]}\n".encode())
                shown += "\n"
    finally:
        os.close(terminal)
    return Finished(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown, "")
