"""SLURM's node lists: `gpu[1-2,09],cpu1` as names.

Here: reading them, on either side. Never here: asking SLURM.
"""

from __future__ import annotations

import re
from typing import List, Tuple


def expand_nodes(text: str) -> Tuple[str, ...]:
    """The names in a SLURM node list; what is no range of numbers stands as it is.

    >>> expand_nodes("a[1-2,09],b")
    ('a1', 'a2', 'a09', 'b')
    """
    parts = re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text)
    return tuple(name for part in parts for name in _expand(part))


def _expand(part: str) -> List[str]:
    found = re.search(r"\[([^\]]*)\]", part)
    if found is None:
        return [part]
    before, after = part[: found.start()], _expand(part[found.end() :])
    return [
        f"{before}{number}{rest}"
        for item in found.group(1).split(",")
        for number in _numbers(item)
        for rest in after
    ]


def _numbers(item: str) -> List[str]:
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", item, re.ASCII)
    if found is None:
        return [item]
    first, last = found.groups()
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
