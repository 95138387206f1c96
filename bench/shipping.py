"""Shipping: a tree to another directory of this machine, through the dialogue that hosts hold.

Beside `git archive HEAD | zstd | cat`, which is no transport either; over SSH both get the same on
top. The first time, unchanged, and with a line changed.
"""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from bench.measure import Row, compared, in_turns, process, seconds
from bench.sources import Size, change_one_line, make_repository
from theseus.core.outcome import Done, Outcome
from theseus.core.secrets import ConfigSecret
from theseus.core.steps import EnsureTree, Segment
from theseus.effects.local import LocalPerformer
from theseus.effects.parcel import Offer, Parcel
from theseus.effects.shipment import make_ready
from theseus.effects.source import committed_tree
from theseus.effects.supply import PlanSupply

WIRE = 64_000  # the most bytes that a line changed may move


@frozen
class Shipped:
    """What became of shipping: the *outcome* said, and the bytes that were *sent*."""

    outcome: Outcome
    sent: int


def rows(goes: int, size: Size) -> Iterator[Row]:
    """The rows of a repository of *size*."""
    name = f"{size.files} files, {size.size / 1e6:.0f} MB"
    with TemporaryDirectory() as folder:
        top, numbers = Path(folder) / "project", count()
        make_repository(top, size)
        by_hand = process(["sh", "-c", "git archive HEAD | zstd -qc | cat >../by-hand"], top)
        first, beside = in_turns(goes, lambda: ship(top, _share(folder, next(numbers))), by_hand)
        reference = ("`git archive | zstd | cat`", beside)
        yield compared(f"ship {name}, first time", first, reference, 1.25)
        share = _share(folder, next(numbers))
        ship(top, share)
        unchanged = seconds(lambda: _expect(ship(top, share), "present", 0))
        yield compared(f"ship {name}, unchanged", unchanged, reference)
        change_one_line(top, "one line more")
        changed = seconds(lambda: _expect(ship(top, share), "sent", WIRE))
        yield compared(f"ship {name}, one line, the first", changed, reference)
        change_one_line(top, "and one more")
        sent: list[int] = []
        changed = seconds(lambda: sent.append(_expect(ship(top, share), "sent", WIRE)))
        what = f"ship {name}, one line, {sent[0]} bytes sent"
        yield compared(what, changed, reference)


def _expect(shipped: Shipped, output: str, most: int) -> int:
    assert shipped.outcome == Done(output), shipped  # noqa: S101  a benchmark of failures is none
    assert shipped.sent <= most, shipped  # noqa: S101
    return shipped.sent


def ship(top: Path, share: Path) -> Shipped:
    """Ship HEAD of the repository at *top* to *share*."""
    sent = 0

    def counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal sent
        for piece in pieces:
            sent += len(piece)
            yield piece

    with committed_tree(top) as taken:
        tree = taken.unwrap()
        ready = make_ready(tree.store, tree.snapshot.tree).unwrap()

        async def parcel_of(_: str, offer: Offer) -> Parcel:
            made = await asyncio.to_thread(ready.parcel, offer)
            return Parcel(made.form, counted(made.pieces), made.size, made.done)

        supply = PlanSupply(b"", parcel_of, _no_secret)
        step = EnsureTree("here", f"{share}/trees/{ready.tree}.tar.gz", ready.tree)
        performing = LocalPerformer(supply).perform(Segment("here", 0, (step,)))
        (outcome,) = asyncio.run(performing)
    return Shipped(outcome, sent)


def _no_secret(reference: ConfigSecret) -> str:
    raise AssertionError(f"no secret is shipped: {reference}")


def _share(folder: str, number: int) -> Path:
    share = Path(folder) / f"share{number}"
    (share / "trees").mkdir(parents=True)
    return share
