"""The built-in job `command`: any argv, run as it is.

Here: reading the argv out of a job config, and running it. Never here: a shell, or registration,
which is the registry's.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any, List, Mapping, Optional

KEY = "command"
_EXAMPLE = f"write a list of words, as in `{KEY}: [python, train.py]`"


def command_argv(config: Mapping[str, Any]) -> List[str]:
    """The argv in the job config of a `command`; ValueError says what is wrong with it.

    >>> command_argv({"command": ["python", "train.py"]})
    ['python', 'train.py']
    """
    words = config.get(KEY)
    problem = _list_problem(words) or next(filter(None, map(_word_problem, words or ())), None)
    if problem is not None:
        raise ValueError(f"{KEY}: {problem}")
    return list(words or ())


def _list_problem(words: object) -> Optional[str]:
    if words is None:
        return f"missing; {_EXAMPLE}"
    if not isinstance(words, (list, tuple)):
        return f"expected a list, got {words!r}; {_EXAMPLE}"
    if not words or not words[0]:
        return f"names no program; {_EXAMPLE}"
    return None


def _word_problem(word: object) -> Optional[str]:
    if not isinstance(word, str):
        return f"expected words, got {word!r}; put it in quotes"
    if "\0" in word:
        return f"{word!r} holds a NUL character, which no argument can"
    return None


def command(cfg: Mapping[str, Any], spec: object) -> None:  # noqa: ARG001 - every job takes a spec
    """Run the argv to its end; SystemExit carries its status when that is not 0.

    As in a shell, a program that a signal ended gives 128 and the signal's number, and one that
    cannot be started gives 127.
    """
    argv = command_argv(cfg)
    try:
        status = subprocess.run(argv, check=False).returncode
    except OSError as error:
        sys.stderr.write(f"theseus: {argv[0]} cannot be started: {error.strerror}\n")
        status = 127
    if status:
        raise SystemExit(status if status > 0 else 128 - status)
