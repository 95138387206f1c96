"""Wire: stands between a client and its `bash -s`, and breaks at one exact place of their dialogue.

`python -I -S wire.py FOLDER BASH WORD…` is started in place of bash. FOLDER/fault says
`STEP PHASE KIND LAST`, the last step; FOLDER/struck is made when it has come to pass. Dialogues
that perform no step, which ask what is there, go through as they are.

Phases: *before* anything of the step is sent; when *half* of its line or content is; *during*, when
all of it is, and the host is at it; *after* the host has answered, before the client hears of it;
*deaf*: the client hears nothing from this step on, while the host does all that it is told to. A
number: before that one of the commands that the host's bash runs for the step.

Kinds: *kill* (the client gets SIGKILL), *cut* (the connection is gone for both sides), *fall* (the
host kills its shell and all that it runs, and the connection is gone).
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

TOKEN = re.compile(rb"token=([0-9a-f]+)\n")
COMMAND = re.compile(rb"\{ run (\d+) (\w+)(?: (\d+))?(?: (\d+))?")
OBTAINS = re.compile(rb"\{ run \d+ obtain .* (?:follows|ask); \}\n")
GONE = 255  # how ssh ends when its connection does
# bash(1): functions and subshells have the trap with -T; kill(1): 0 is the process group
TRAP = """\
struck=0
set -T
trap '[[ ${{index-}} == {step} ]] && ((++struck == {number})) && {{
  : >{folder}/struck
  kill -9 0
}}' DEBUG
"""


class Wire:
    """The dialogue with the bash of *words*, for which *folder* holds a fault."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self._folder = folder
        step, self._phase, self._kind, last = (folder / "fault").read_text().split()
        self._step, self._last = int(step), int(last)
        self._token, self._performs = b"", False  # of the dialogue that goes on
        self._answered = -2  # the last step whose answer has come
        self._news = threading.Condition()
        pipe = subprocess.PIPE
        self._bash = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )

    def carry(self) -> None:
        """Carry everything in both directions, until the fault or the end."""
        errors = threading.Thread(target=self._carry_errors)
        errors.start()
        output = threading.Thread(target=self._carry_output, args=(errors,))
        output.start()
        for index, piece, is_whole in pieces(sys.stdin.buffer):
            if token := TOKEN.fullmatch(piece):
                self._token, self._performs, self._answered = token[1], False, -2
            elif index >= 0 and not self._performs:
                self._performs = True
                self._set_trap()
            self._carry_piece(index, piece, is_whole=is_whole)
        _pipe(self._bash.stdin).close()
        output.join()

    def _set_trap(self) -> None:
        if self._phase.isdigit():
            trap = TRAP.format(step=self._step, number=self._phase, folder=self._folder)
            self._send(trap.encode())

    def _carry_piece(self, index: int, piece: bytes, *, is_whole: bool) -> None:
        if index == 0:
            self._wait_for_answer(-1)  # a bash that ends before it says so has done nothing
        if index != self._step:
            self._send(piece)
            return
        if self._phase == "before":
            self._strike_when_answered(index - 1)
        if self._phase == "half" and is_whole:
            self._send(piece[: len(piece) // 2])
            self._strike_when_answered(index - 1)
        if self._phase == "during" and is_whole:
            self._wait_for_answer(index - 1)
            self._send(piece)
            self._strike()
        self._send(piece)

    def _send(self, piece: bytes) -> None:
        to_bash = _pipe(self._bash.stdin)
        try:
            to_bash.write(piece)
            to_bash.flush()
        except BrokenPipeError:
            threading.Event().wait()  # whoever reads its output finds the end, and ends this

    def _carry_output(self, errors: threading.Thread) -> None:
        seen = b""
        while data := os.read(_pipe(self._bash.stdout).fileno(), 1 << 16):
            seen += data
            header = re.compile(rb"\n%s (-?\d+) (\w+) (\d+)\n" % self._token)
            while (found := header.search(seen)) and len(seen) >= found.end() + int(found[3]):
                self._take(int(found[1]), found[2], seen[: found.end() + int(found[3])])
                seen = seen[found.end() + int(found[3]) :]
        write(1, seen)
        errors.join()
        status = self._bash.wait()
        os._exit(GONE if status < 0 else status)

    def _take(self, index: int, status: bytes, frame: bytes) -> None:
        is_answer = status != b"want"
        if not self._performs and index >= 0:
            write(1, frame)
            return
        if is_answer and index == self._step and self._phase == "after":
            self._strike()
        if index < self._step or self._phase != "deaf":
            write(1, frame)
        elif not is_answer:
            self._strike()  # what it wants, it will never get
        elif index == self._last:
            self._strike()
        if is_answer:
            with self._news:
                self._answered = index
                self._news.notify_all()

    def _carry_errors(self) -> None:
        while data := os.read(_pipe(self._bash.stderr).fileno(), 1 << 16):
            write(2, data)

    def _strike_when_answered(self, index: int) -> NoReturn:
        self._wait_for_answer(index)
        self._strike()

    def _wait_for_answer(self, index: int) -> None:
        with self._news:
            self._news.wait_for(lambda: self._answered >= index)

    def _strike(self) -> NoReturn:
        (self._folder / "struck").touch()
        if self._kind == "kill":
            os.kill(os.getppid(), signal.SIGKILL)
        if self._kind == "fall":
            os.killpg(self._bash.pid, signal.SIGKILL)
        os._exit(GONE)


def pieces(source: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """What *source* says, in pieces: the step that each belongs to, and whether it is all of it.

    What a step obtains follows it, at once or when the host wants it, and is the piece that counts.
    """
    index, obtains = -1, False
    while line := source.readline():
        if TOKEN.fullmatch(line):
            index, obtains = -1, False
            yield index, line, True
        elif command := COMMAND.match(line):
            index, obtains = int(command[1]), OBTAINS.match(line) is not None
            size = {b"receive": command[4], b"unpack": command[3]}.get(command[2])
            yield index, line + source.read(int(size or 0)), not obtains
        elif obtains:
            yield index, line + supply(source), True
        else:
            yield index, line, False


def supply(source: BinaryIO) -> bytes:
    """What follows the form of a supply: pieces after their sizes, and the sha256 of all."""
    said = b""
    while size := int(line := source.readline()):
        said += line + source.read(size)
    return said + line + source.readline()


def write(file: int, data: bytes) -> None:
    """Write all of *data*; where nobody reads it any more, the end is near."""
    try:
        while data:
            data = data[os.write(file, data) :]
    except BrokenPipeError:
        os._exit(GONE)


def _pipe(stream: "BinaryIO | object") -> BinaryIO:
    assert stream is not None
    return stream  # type: ignore[return-value]  # all three streams are pipes


if __name__ == "__main__":
    Wire(Path(sys.argv[1]), sys.argv[2:]).carry()
