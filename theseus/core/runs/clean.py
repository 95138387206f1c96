"""Clean: what may be removed from a share, of what clean.sh listed there.

All times are those of the host. Nothing that a live run uses is ever chosen.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, get_args

from attrs import evolve
from returns.result import Failure, Result, Success

from theseus.core.values import frozen

Kind: TypeAlias = Literal[
    "work", "run", "tree", "runtime", "sweep", "environment", "build", "upload", "rest"
]
_SHARED: tuple[str, ...] = get_args(Kind)[2:]
# somebody may be at work on these at this moment, and no run says so
_UNFINISHED = frozenset({"sweep", "build", "upload", "rest"})
_SENT = frozenset({"tree", "runtime"})  # by submissions, unless it is there
_DAY = 86400


@frozen
class Item:
    """Something that lies in a share: *stamp* is when it changed, *used* when a run used it last.

    *stamp* and *used* are seconds since the epoch, *size* is in bytes.
    """

    kind: Kind
    name: str
    path: str
    stamp: int
    used: int
    live: bool
    size: int = 0


@frozen
class Listing:
    """What clean.sh listed, *now* by the clock of its host."""

    now: int
    items: tuple[Item, ...]


@frozen
class Policy:
    """What is to go: what was not used for *older_than* minutes, and the oldest over *keep_size*.

    *keep_size* is how many bytes all that could be removed may take up.
    """

    older_than: int | None
    keep_size: int | None


@frozen
class Removal:
    """What became of an item; *reason* says why it was kept."""

    item: Item
    reason: str | None = None


def read_listing(text: str) -> Result[Listing, str]:
    """The listing that clean.sh printed as *text*."""
    rows = [line.split("\t") for line in text.splitlines()]
    try:
        (now,) = (int(row[1]) for row in rows if row[0] == "now")
        sizes = {row[2]: int(row[1]) * 1024 for row in rows if row[0] == "size"}
        items = tuple(_items(rows, sizes, now))
    except (ValueError, IndexError):
        return Failure("its answer is not that of clean.sh")
    return Success(Listing(now, items))


def _items(rows: list[list[str]], sizes: Mapping[str, int], now: int) -> Iterator[Item]:
    used: dict[str, int] = {}
    live: set[str] = set()
    submitting = False  # it has not said yet what it uses, and may have been told that it is there
    for row in rows:
        if row[0] == "run":
            _, path, stamp, state, work, *uses = row
            name = path.rpartition("/")[2]
            at = int(stamp)
            made = Item("run", name, path, at, at, state == "live", sizes.get(path, 0))
            submitting |= made.live and set(uses[:2]) == {"-"}
            if work != "-":
                yield evolve(made, kind="work", path=work, size=sizes.get(work, 0))
            yield made
            for each in " ".join(uses).split():
                used[each] = max(used.get(each, 0), made.used)
                live |= {each} if made.live else set()
    for row in rows:
        if row[0] in _SHARED:
            item = _shared(row, sizes)
            last = max(item.used, used.get(item.name, 0))
            taken_up = submitting and item.kind in _SENT and item.used > now - _DAY
            yield evolve(item, used=last, live=item.name in live or taken_up)


def _shared(row: list[str], sizes: Mapping[str, int]) -> Item:
    """An archive, a runtime, an environment: *target* is what takes up room."""
    kind = next(each for each in get_args(Kind) if each == row[0])
    _, path, stamp, target = row
    at = int(stamp)
    return Item(kind, path.rpartition("/")[2], path, at, at, live=False, size=sizes.get(target, 0))


def choose(listing: Listing, policy: Policy) -> tuple[Item, ...]:
    """What *policy* has removed of *listing*, that which was not used for longest first."""
    removable = [item for item in listing.items if not _in_use(item, listing.now)]
    removable.sort(key=lambda item: (item.used, item.name, item.kind != "work"))
    excess = sum(item.size for item in removable) - (policy.keep_size or 0)
    chosen = []
    for item in removable:
        old = policy.older_than is not None and item.used < listing.now - policy.older_than * 60
        if old or (policy.keep_size is not None and excess > 0):
            chosen.append(item)
            excess -= item.size
    return tuple(chosen)


def _in_use(item: Item, now: int) -> bool:
    return item.live or (item.kind in _UNFINISHED and item.used > now - _DAY)


def read_removals(text: str, items: tuple[Item, ...]) -> tuple[Removal, ...]:
    """What became of *items*, by what clean.sh printed when it was told to remove them."""
    reasons: dict[tuple[str, str], str | None] = {}
    for row in (line.split("\t") for line in text.splitlines()):
        match row:
            case ["removed", kind, name]:
                reasons[kind, name] = None
            case ["kept", kind, name, reason]:
                reasons[kind, name] = reason
            case _:  # nothing of clean.sh's
                pass
    return tuple(
        Removal(item, reasons.get((item.kind, item.name), "it could not be removed"))
        for item in items
    )
