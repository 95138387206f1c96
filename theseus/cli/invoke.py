"""Invoke: one command from its words to its exit status, whatever goes wrong."""

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from cyclopts import (
    App,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
)

DONE, FAILED, BAD_INPUT, NOTHING_FITS, UNREACHABLE, UNKNOWN = range(6)
TIMED_OUT = 124  # as timeout(1) has it
INTERRUPTED = 130  # as shells have it: 128 + SIGINT
DEBUG = "--debug"
_HELP = frozenset({"--help", "-h"})
NARROWEST = 20  # columns; rich has no end in two
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF})
# what a word or a host's complaint may hold and a terminal would obey
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


def invoke(app: App, words: Sequence[str]) -> int:
    """Run the command that *words* name; its exit status."""
    own, separator, rest = _split(words)
    debug = DEBUG in own
    words = [*(word for word in own if word != DEBUG), *separator, *rest]
    if not words or _HELP.intersection(own):
        _give_room(app)
    try:
        status = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        say(_refusal(words, error))
        return BAD_INPUT
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _print_no_more()  # the reader of a pipe went away
        return FAILED
    except Exception as error:  # noqa: BLE001  the last line of defence: a defect of theseus itself
        if debug:
            traceback.print_exc()
        _print_no_more()
        say(_defect(error))
        return FAILED
    return status if isinstance(status, int) else DONE


def _give_room(app: App) -> None:
    """Have the help text of *app* as wide as it must be where COLUMNS or the terminal is not."""
    from rich.console import Console  # noqa: PLC0415  for help texts alone

    app.console = Console(width=max(Console().width, NARROWEST))


def speak_utf8() -> None:
    """Print UTF-8 in every locale: what is printed is data too, and paths may hold any bytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _print_no_more() -> None:
    """Send what is left in the buffer nowhere: at exit it would fail once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _defect(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None:
        return f"cannot write to standard output: {error.strerror}"
    return (
        f"{type(error).__name__}: {error}\n"
        "this is a defect of theseus: please report it with what `--debug` prints"
    )


def say(text: str) -> None:
    """Print *text* for people, to standard error."""
    sys.stderr.write(f"theseus: {harmless(text)}\n")


def harmless(text: str) -> str:
    """*text* with what a terminal would obey shown as escapes."""
    return text.translate(_CONTROLS)


def _split(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """*words* before and after a `--`."""
    if "--" not in words:
        return list(words), [], []
    at = list(words).index("--")
    return list(words[:at]), ["--"], list(words[at + 1 :])


def _lacking(words: Sequence[str], name: str, *, given: bool) -> str:
    """That the argument *name* has no value; *given* tells that its option stands there."""
    if not given:
        return f"{name} is missing"
    after = next((word for before, word in pairwise(words) if before == name), "")
    if not after.startswith("-") or after.startswith("--"):
        return f"{name} needs a value"
    return f"{name} needs a value, and {after!r} reads as an option: {name}={after} gives it as one"


def _refusal(words: Sequence[str], error: CycloptsError) -> str:
    """What is wrong with *words*, and where it stands how they should be."""
    command = " ".join(("theseus", *(error.command_chain or ())))
    match error:
        case MissingArgumentError(argument=argument) if argument is not None:
            problem = _lacking(words, argument.name, given=bool(error.keyword))
        case UnusedCliTokensError(unused_tokens=[first, *_]):
            problem = f"nothing is expected where {first!r} stands"
        case UnknownCommandError() if words[0].startswith("-"):
            problem = f"unknown option {words[0]!r}"
        case _:
            # cyclopts' own words, without its list of all commands, which --help shows
            said = str(error).partition(" Available commands")[0]
            problem = said.replace(". Did you", "; did you").rstrip(".")
    return f"{problem} (see `{command} --help`)"
