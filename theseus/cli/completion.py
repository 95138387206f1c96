"""`theseus completion`: a completion script for a shell."""

import sys
from typing import Literal

from theseus.cli.invoke import DONE


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print a completion script: `eval "$(theseus completion bash)"`.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    from theseus.cli import application  # noqa: PLC0415  this module is one of its commands

    sys.stdout.write(application().generate_completion(shell=shell))
    return DONE
