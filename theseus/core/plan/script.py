"""Compile a segment to the lines that perform.sh reads on the far side.

A line is a complete `{ …; }` group: a stream cut in the middle of one is a syntax error there,
never half a command. File content follows its line as raw bytes and is always consumed, so that
content can never be read as commands.
"""

from collections.abc import Sequence
from itertools import starmap
from typing import Literal, TypeAlias, assert_never

from theseus.core.config.secrets import Secret
from theseus.core.plan.steps import (
    BuildEnvironment,
    ClaimRun,
    Content,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    PutFile,
    PutFiles,
    PutSecrets,
    Step,
    Submit,
    SubmitArray,
)
from theseus.core.text.shell import option_word, path_word
from theseus.core.values import frozen


@frozen
class Command:
    """A shell *command* that needs nothing else."""

    command: str


@frozen
class Receive:
    """*content* to be written to *path* (a shell word) with *mode*."""

    path: str
    mode: int
    content: Content | tuple[Secret, ...]


@frozen
class Obtain:
    """What *step* needs, to be sent only if *path* (a shell word) is missing there."""

    path: str
    mode: int
    step: EnsureFile | EnsureTree


@frozen
class Unpack:
    """An archive of *files*, to be unpacked below *directory* (a shell word)."""

    directory: str
    files: PutFiles


Instruction: TypeAlias = Command | Receive | Unpack | Obtain


def instruction(step: Step) -> Instruction:
    """What has to happen on the host for *step*."""
    match step:
        case MakeDir(_, path, mode):
            return Command(f"mkdir -p -m {mode:04o} -- {path_word(path)}")
        case ClaimRun(_, path):
            return Command(f"claim {path_word(path)}")
        case PutFile() | PutSecrets():
            return received(step)
        case PutFiles(_, directory, _):
            return Unpack(path_word(directory), step)
        case EnsureFile(_, path, mode, _):
            return Obtain(path_word(path), mode, step)
        case EnsureTree(_, path, _):
            return Obtain(path_word(path), 0o644, step)
        case BuildEnvironment() | Launch() | Submit() | SubmitArray():
            return Command(_start(step))
        case _:
            assert_never(step)


def received(step: PutFile | PutSecrets) -> Receive:
    """What is written for *step*, and where."""
    match step:
        case PutFile(_, path, mode, content):
            return Receive(path_word(path), mode, content)
        case PutSecrets(_, path, secrets):
            return Receive(path_word(path), 0o600, secrets)
        case _:
            assert_never(step)


def _start(step: BuildEnvironment | Launch | Submit | SubmitArray) -> str:
    match step:
        case BuildEnvironment(_, run_dir):
            return f"build_environment {path_word(run_dir)}"
        case Launch(_, run_dir, log, leases):
            command = "launch" if leases is None else "launch_leased"
            return f"{command} {path_word(run_dir)} {path_word(log)}"
        case Submit(_, run_dir, argv, after):
            command = "submit" if after is None else f"submit_after {path_word(after)}"
            return f"{command} {path_word(run_dir)} {_words(argv)}"
        case SubmitArray(_, directory, argv):
            return f"submit_array {path_word(directory)} {_words(argv)}"
        case _:
            assert_never(step)


def _words(argv: tuple[str, ...]) -> str:
    return " ".join(option_word(argument) for argument in argv)


def script_frame(script: bytes) -> bytes:
    """The line that has bash read *script*, which is ASCII, and the script.

    By itself, bash reads from a pipe one byte after the other, which takes 10 ms for 25 kB.
    """
    return b'IFS= read -r -N %d script && eval "$script"\n' % len(script) + script


def command_frame(index: int, command: str) -> bytes:
    """The line that runs *command* as step *index*, unless an earlier one failed."""
    return b"{ run %d %s; }\n" % (index, command.encode("utf-8", "surrogateescape"))


def receive_frame(index: int, receive: Receive, content: bytes, sha256: str) -> bytes:
    """The line that writes *content*, and the content."""
    command = f"receive {receive.mode:04o} {len(content)} {sha256} {receive.path}"
    return command_frame(index, command) + content


def unpack_frame(index: int, unpack: Unpack, archive: bytes, sha256: str) -> bytes:
    """The line that unpacks *archive*, and the archive."""
    command = f"unpack {len(archive)} {sha256} {unpack.directory}"
    return command_frame(index, command) + archive


def obtain_frame(index: int, obtain: Obtain, how: Literal["there", "follows", "ask"]) -> bytes:
    """The line for content that is *there* already, that *follows* the line, or may be wanted."""
    return command_frame(index, f"obtain {index} {obtain.mode:04o} {obtain.path} {how}")


def ask_frames(commands: Sequence[str]) -> tuple[bytes, ...]:
    """The lines that ask what each of *commands* says; all are begun before the first is told."""
    begun = b"".join(starmap(_begin, enumerate(commands)))
    told = map(_tell, range(len(commands)))
    return tuple(begun + line if index == 0 else line for index, line in enumerate(told))


def turn_frames(commands: Sequence[str]) -> tuple[bytes, ...]:
    """The lines that ask the same, where each of *commands* is begun when that before has ended."""
    return tuple(_begin(index, command) + _tell(index) for index, command in enumerate(commands))


def _begin(index: int, command: str) -> bytes:
    return b"{ soon %d %s; }\n" % (index, command.encode("utf-8", "surrogateescape"))


def _tell(index: int) -> bytes:
    return b"{ told %d; }\n" % index


def describe_step(step: Step) -> str:
    """The exact command of *step* as perform.sh gets it, content left out."""
    match instruction(step):
        case Command(command):
            return command
        case Receive(path, mode, _):
            return f"receive {mode:04o} {path}"
        case Obtain(path, mode, _):
            return f"obtain {mode:04o} {path}"
        case Unpack(directory, _):
            return f"unpack {directory}"
        case other:
            assert_never(other)
