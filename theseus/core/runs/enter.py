"""Enter: the words that lead into a run: the system's ssh to its host, and a script there.

The host is reached as the plan says. Through ssh one fixed form crosses the user's login shell,
which may be csh or fish: the script travels encoded, cut into pieces that csh can hold.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from theseus.core.plan.plan import Plan
from theseus.core.text.shell import array_file, path_word, word

_PIECE: Final = 512  # csh refuses a word of more than a thousand characters or so
_DECODED: Final = """exec bash -c 'eval "$(printf %s "$@" | base64 -d)"' enter"""


def enter_argv(
    plan: Plan, command: Sequence[str], script: str, ssh: Sequence[str], *, terminal: bool
) -> list[str]:
    """The argv that becomes a shell, or *command*, in the run.

    *script* is enter.sh, *ssh* the words that ssh is called by.
    """
    text = f"{_settings(plan, command)}{script}"
    if plan.target.transport == "local" or plan.target.ssh is None:
        return ["bash", "-c", text, "enter"]
    encoded = b64encode(text.encode("utf-8", "surrogateescape")).decode()
    pieces = [encoded[at : at + _PIECE] for at in range(0, len(encoded), _PIECE)]
    line = " ".join((_DECODED, *pieces))
    return [*ssh, "-t" if terminal else "-T", "--", plan.target.ssh, line]


def _settings(plan: Plan, command: Sequence[str]) -> str:
    run_dir, work = path_word(plan.paths.run), path_word(plan.paths.work)
    words = array_file("words", map(word, command))
    return f"run_dir={run_dir} work={work}\n{words}"
