"""GRES: SLURM's account of the GPUs of a node, as it stands in `Gres` and `GresUsed`.

Forms: `gpu:h100_80gb:8(S:0-1)`, `gpu:8(IDX:0-7)`, `gpu:(null):8(IDX:0-7)`, `shard:32`, `(null)`,
and several with commas between. GPUs that cannot be read are not there; use of GPUs that cannot be
read is use of all.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from theseus.core.values import frozen

_REMARK = re.compile(r"\([^)]*\)?")  # sockets, indexes; `(null)` for nothing; cut short perhaps
_GPUS = re.compile(r"gpu(?::(?P<type>[^:]*))?:(?P<count>\d{1,6})", re.ASCII)
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
    for entry in _gpu_entries(text):
        if (found := _GPUS.fullmatch(entry)) is not None:
            counts[found["type"] or UNTYPED] += int(found["count"])
    return +counts


def node_gpus(configured: str, used: str) -> tuple[NodeGpus, ...]:
    """The GPUs of a node by type, from its `Gres` and `GresUsed`.

    Use of a type that is not there, or of none, counts against every type: never too many are free.
    """
    totals, taken = count_gpus(configured), count_gpus(used)
    if any(_GPUS.fullmatch(entry) is None for entry in _gpu_entries(used)):
        return tuple(NodeGpus(kind, total, total) for kind, total in totals.items())
    unknown = sum(count for kind, count in taken.items() if kind not in totals)
    return tuple(
        NodeGpus(kind, total, min(total, taken.get(kind, 0) + unknown))
        for kind, total in totals.items()
    )


def _gpu_entries(text: str) -> Iterator[str]:
    entries = (entry.strip() for entry in _REMARK.sub("", text).split(","))
    return (entry for entry in entries if entry == "gpu" or entry.startswith("gpu:"))
