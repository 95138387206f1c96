"""`intruder.py STRIKE BASH…`: stands between a client and its host, and strikes at a step.

What a client says to `bash -s` is handed on to the real one, until the step that the file STRIKE
names comes by. Then the client is killed, or the connection cut: before the step is handed on, in
the middle of it, or once it is done and before its answer is.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO, NoReturn

LINE = re.compile(rb"\{ run (\d+) ")  # anywhere: content before it may end without a line break


class Intruder:
    """Strikes once, by *order*: before, during or after a step, to kill or to cut."""

    def __init__(self, order: Path, command: list[str]) -> None:
        said = json.loads(order.read_text())
        self.order, self.client = order, os.getppid()
        self.armed = False  # the answers to questions have numbers too
        self.step, self.when, self.how = int(said["step"]), str(said["when"]), str(said["how"])
        self.bash = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stand_between(self) -> int:
        """Hand everything on, until it is time; else the exit status of the real bash."""
        answers = threading.Thread(target=self.hand_back)
        answers.start()
        self.hand_on()
        self.pipe.close()
        answers.join()
        return self.bash.wait()

    @property
    def pipe(self) -> BinaryIO:
        """Where the real bash reads."""
        assert self.bash.stdin is not None
        return self.bash.stdin  # type: ignore[return-value] # opened for bytes

    def hand_on(self) -> None:
        """What the client says; with the step, as much of it as the host is to hear."""
        said, handed = b"", 0
        while data := os.read(sys.stdin.fileno(), 65536):
            said += data
            starts = {int(found[1]): found.start() for found in LINE.finditer(said)}
            begin = starts.get(self.step)
            self.armed = self.armed or begin is not None
            if begin is not None and self.when != "after":
                end = starts.get(self.step + 1, len(said))
                heard = begin if self.when == "before" else (begin + end) // 2
                self.pipe.write(said[handed:heard])
                self.pipe.flush()
                self.strike()
            self.pipe.write(said[handed:])
            self.pipe.flush()
            handed = len(said)

    def hand_back(self) -> None:
        """What the host answers, but never the answer to the step once it is done."""
        assert self.bash.stdout is not None
        answer = re.compile(rb"\n[0-9a-f]{32} %d (?!want)" % self.step)
        heard = b""
        while data := os.read(self.bash.stdout.fileno(), 65536):
            heard += data
            if self.armed and self.when == "after" and answer.search(heard):
                self.strike()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def strike(self) -> NoReturn:
        """End the client, or only its connection; the host sees the end of its input, as always."""
        self.order.unlink()
        if self.how == "kill":
            os.kill(self.client, signal.SIGKILL)
        os._exit(1)


if __name__ == "__main__":
    os._exit(Intruder(Path(sys.argv[1]), sys.argv[2:]).stand_between())
