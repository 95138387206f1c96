"""Notify: the command of the config that is started here when a run that was watched has ended.

It is a list of words and no shell reads them; what it prints goes to standard error. Whatever is
wrong with it does the watching no harm, and is said.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from returns.pipeline import is_successful

from theseus.core.error_text import explain
from theseus.core.runs.ended import RunEnd
from theseus.effects.reading.load import load_config

STANDARD_ERROR = 2
DEADLINE = 60.0  # seconds; one that takes longer is ended


def notify(config_path: str | None, end: RunEnd, say: Callable[[str], object]) -> None:
    """Start what the config at *config_path* has for the host of the run that came to *end*."""
    if config_path is None:
        return
    loaded = load_config(config_path)
    if not is_successful(loaded):
        say(f"nobody was notified: {explain(loaded.failure())}")
        return
    config = loaded.unwrap()
    host = config.hosts.get(end.plan.target.host)
    command = (host.notify if host is not None else ()) or config.notify
    if command:
        _start(command, end, say)


def _start(command: tuple[str, ...], end: RunEnd, say: Callable[[str], object]) -> None:
    try:
        done = subprocess.run(
            [str(Path(command[0]).expanduser()), *command[1:]],
            env={**os.environ, **end.variables()},
            stdin=subprocess.DEVNULL,
            stdout=STANDARD_ERROR,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        say(f"notify: {command[0]} took over {DEADLINE:g} s and was ended")
    except (OSError, ValueError, RuntimeError) as error:
        # RuntimeError: `~name` of a user that does not exist
        reason = error.strerror if isinstance(error, OSError) else str(error)
        say(f"notify: {command[0]}: {reason}; correct `notify` in the dispatch config")
    else:
        if done.returncode:
            say(f"notify: {command[0]} ended with exit status {done.returncode}")
