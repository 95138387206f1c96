"""`python race.py DIRECTORY MARKS RUN…`: runs in a race for eight GPUs, each a process of its own.

A RUN is `CHIPS:SECONDS:WAITS:USER`. For each a line is printed: its place among the words, its
ticket (0 for none), when it took its GPUs, and these. It marks each while it holds it: a mark that
is there already means that two hold one GPU, and ends the race with an error.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runtime.gpus import claim
from theseus.runtime.lease import wait
from theseus.runtime.lease_directory import GATE_SECONDS, LeaseDirectory


class Stamped(LeaseDirectory):
    """A lease directory that notes when its gate was last left, before anybody else came in."""

    left = 0

    @contextmanager
    def gate(self, seconds: float = GATE_SECONDS) -> Iterator[None]:
        """The gate, and a look at the clock behind it."""
        with super().gate(seconds):
            yield
            self.left = time.monotonic_ns()


def compete(place: int, directory: Path, marks: Path, words: str) -> None:
    """Be one of the runs."""
    chips, seconds, waits, user = words.split(":")
    os.setuid(int(user))
    made = claim(directory, int(chips), run=f"r{place}")
    made.directory = stamped = Stamped(directory)
    while not (marks / "go").exists():
        time.sleep(0.001)
    ticket = None
    taken = made.take(frozenset())
    if taken is None and waits == "waits":
        ticket = made.ticket()
        taken = wait(made, ticket.number, frozenset, lambda: time.sleep(0.02))
    began = stamped.left
    if ticket is not None:
        ticket.give_up()
    for gpu in taken or ():
        os.close(os.open(marks / gpu, os.O_CREAT | os.O_EXCL))
    time.sleep(float(seconds))
    for gpu in taken or ():
        (marks / gpu).unlink()
    number = 0 if ticket is None else ticket.number
    os.write(1, f"{place} {number} {began} {' '.join(taken or ())}\n".encode())


def main(directory: Path, marks: Path, runs: list[str]) -> int:
    """Let all run at once."""
    children = []
    for place, words in enumerate(runs):
        child = os.fork()
        if child == 0:
            try:
                compete(place, directory, marks, words)
            except BaseException as error:  # noqa: BLE001  whatever it is, this process is a copy
                os.write(2, f"{place}: {error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        children.append(child)
    (marks / "go").touch()
    return max(os.waitpid(child, 0)[1] for child in children) and 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
