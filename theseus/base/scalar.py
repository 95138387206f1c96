"""A text read as the number, truth value or nothing that it spells.

Here: the one reading that client and remote side share, for what comes from the environment is text
on both. Never here: YAML, which the client reads by rules of its own.
"""

from __future__ import annotations

import re
from typing import Union

Scalar = Union[str, int, float, bool, None]

_INT = re.compile(r"[-+]?[0-9](?:_?[0-9])*")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=e))(?:e[-+]?[0-9]+)?|[-+]?(?:inf|nan)", re.IGNORECASE
)
_WORDS = {"true": True, "false": False, "null": None}


def scalar(text: str) -> Scalar:
    """The number, truth value or None that *text* spells; *text* itself when it spells none.

    >>> scalar("8"), scalar("1e-3"), scalar("True"), scalar("null"), scalar("8 GPUs")
    (8, 0.001, True, None, '8 GPUs')
    """
    bare = text.strip()
    if _INT.fullmatch(bare) and len(bare) <= 1000:
        return int(bare)
    if _FLOAT.fullmatch(bare):
        return float(bare)
    return _WORDS.get(bare.lower(), text)
