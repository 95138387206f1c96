"""Own files: how a file that theseus wrote for its user is known by its beginning.

Plans (`plan -o`), packed runs (`bootstrap -o`) and recordings (`--record`) are made of the source
and are none of it.
"""

import re
from typing import Final

LONGEST_BEGINNING: Final = 4096
"""Bytes that tell; the options of a packed run stand among them."""

_BEGINNINGS: Final = (
    rb'\{\s*"version": [0-9]+,\s*"theseus": "',  # of plan_json
    rb'\{\s*"version": [0-9]+,\s*"plan": \{\s*"version": [0-9]+,\s*"theseus": "',  # of a recording
    rb"version: [0-9]+\ntheseus: .*\nrun:\n  id: ",  # of plan_yaml
    rb"#!/usr/bin/env bash\n(?:#SBATCH .*\n)*# A whole run in one file: ",  # of sh/packed.sh
)
_OWN: Final = re.compile(b"|".join(_BEGINNINGS))


def is_own(beginning: bytes) -> bool:
    """Whether a file with this *beginning* is a plan, a packed run or a recording.

    >>> is_own(b'{"version": 1, "theseus": "0.1.0", "run": {')
    True
    """
    return _OWN.match(beginning) is not None
