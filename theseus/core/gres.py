"""GRES: SLURM's account of the GPUs of a node, as it stands in `Gres` and `GresUsed`.

Forms: `gpu:h100_80gb:8(S:0-1)`, `gpu:8(IDX:0-7)`, `gpu:1g.10gb:7,gpu:a100:4`, `shard:32`, `(null)`.
What is no GPU, or cannot be read, does not count.
"""

import re
from collections import Counter
from collections.abc import Mapping

from attrs import frozen

_ENTRY = re.compile(r"(?P<name>[^:,()]+)(?::(?P<type>[^:,()]+))?:(?P<count>\d+)(?:\([^)]*\))?")
UNTYPED = ""


@frozen
class NodeGpus:
    """The GPUs of one type on a node; *type* is "" where the site gives none."""

    type: str
    total: int
    used: int

    @property
    def free(self) -> int:
        """How many nobody uses."""
        return max(0, self.total - self.used)


def count_gpus(text: str) -> Mapping[str, int]:
    """How many GPUs of each type *text* names.

    >>> dict(count_gpus("gpu:h100_80gb:8(S:0-1),shard:32"))
    {'h100_80gb': 8}
    """
    counts: Counter[str] = Counter()
    for found in _ENTRY.finditer(text):
        if found["name"] == "gpu" and int(found["count"]):
            counts[found["type"] or UNTYPED] += int(found["count"])
    return counts


def node_gpus(configured: str, used: str) -> tuple[NodeGpus, ...]:
    """The GPUs of a node by type, from its `Gres` and `GresUsed`.

    Use that names no type counts against the type with most left: never too many are free.
    """
    totals, taken = count_gpus(configured), Counter(count_gpus(used))
    unknown = sum(taken.pop(kind) for kind in set(taken) - set(totals))
    gpus = [NodeGpus(kind, total, min(total, taken[kind])) for kind, total in totals.items()]
    while unknown > 0 and any(gpu.free for gpu in gpus):
        most = max(range(len(gpus)), key=lambda at: gpus[at].free)
        share = min(unknown, gpus[most].free)
        gpus[most] = NodeGpus(gpus[most].type, gpus[most].total, gpus[most].used + share)
        unknown -= share
    return tuple(gpus)
