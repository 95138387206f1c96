"""GRES: SLURM's account of the GPUs of a node, as it stands in `Gres` and `GresUsed`.

Forms: `gpu:h100_80gb:8(S:0-1)`, `gpu:8(IDX:0-7)`, `gpu:(null):8(IDX:0-7)`, `shard:32`, `(null)`,
and several with commas between. GPUs that cannot be read are not there; use of GPUs that cannot be
read is use of all. A GPU of which others use a part (shard, mps) cannot be had whole: it is used.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from theseus.core.values import frozen

_ENTRY = re.compile(r"(?:\([^)]*\)?|[^,(])+")  # a comma within parentheses parts no entries
_REMARK = re.compile(r"\([^)]*\)?")  # sockets, indexes; `(null)` for nothing; cut short perhaps
_COUNT = re.compile(r"\w+(?::(?P<type>[^:]*))?:(?P<count>\d{1,6})", re.ASCII)
_PART = re.compile(r"(\d+)/\d+", re.ASCII)  # what is used of a GPU, of how much
_INDEXES = re.compile(r"\(IDX:(\d{1,6}(?:-\d{1,6})?(?:,\d{1,6}(?:-\d{1,6})?)*)\)", re.ASCII)
_WHOLE = ("gpu",)
_PARTS = ("shard", "mps")
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
    for entry in _entries(text, _WHOLE):
        if (found := _read(entry)) is not None:
            counts[found["type"] or UNTYPED] += int(found["count"])
    return +counts


def node_gpus(configured: str, used: str) -> tuple[NodeGpus, ...]:
    """The GPUs of a node by type, from its `Gres` and `GresUsed`.

    Use of a type that is not there, or of none, counts against every type: never too many are free.
    """
    totals = count_gpus(configured)
    if any(_read(entry) is None for entry in _entries(used, _WHOLE + _PARTS)):
        return tuple(NodeGpus(kind, total, total) for kind, total in totals.items())
    taken = Counter(count_gpus(used)) + _touched(used)
    unknown = sum(count for kind, count in taken.items() if kind not in totals)
    return tuple(
        NodeGpus(kind, total, min(total, taken[kind] + unknown)) for kind, total in totals.items()
    )


def _touched(used: str) -> Counter[str]:
    """How many GPUs of each type have a part that is used."""
    counts: Counter[str] = Counter()
    for entry in _entries(used, _PARTS):
        found = _read(entry)
        if found is not None and (count := int(found["count"])):
            # without a list, each part may be of another GPU
            counts[found["type"] or UNTYPED] += _listed(entry) or count
    return counts


def _listed(entry: str) -> int:
    """How many GPUs the remark of *entry* lists as used, by index or by what is used of each."""
    if (indexes := _INDEXES.search(entry)) is None:
        return sum(int(part) > 0 for part in _PART.findall(entry))
    bounds = (item.partition("-")[::2] for item in indexes[1].split(","))
    return sum(max(0, int(last or first) - int(first) + 1) for first, last in bounds)


def _entries(text: str, names: tuple[str, ...]) -> Iterator[str]:
    """The entries of *text* that are about one of *names*, with their remarks."""
    entries = (entry.strip() for entry in _ENTRY.findall(text))
    return (entry for entry in entries if re.split(r"[:(]", entry, maxsplit=1)[0] in names)


def _read(entry: str) -> re.Match[str] | None:
    return _COUNT.fullmatch(_REMARK.sub("", entry))
