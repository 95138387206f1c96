"""Uploading: how far a source tree has come, shown on a terminal where it takes a while."""

import sys
from collections.abc import Iterator

from attrs import evolve

from theseus.effects.perform.parcel import SMALL, Parcel


def uploading(parcel: Parcel) -> Parcel:
    """*parcel*, with a bar on a terminal for as long as its pieces are taken."""
    if parcel.size <= SMALL or not sys.stderr.isatty():
        return parcel
    return evolve(parcel, pieces=_shown(parcel))


def _shown(parcel: Parcel) -> Iterator[bytes]:
    from theseus.cli.bar import bar  # noqa: PLC0415  imports rich, which small trees do without

    with bar() as progress:
        for piece in parcel.pieces:
            progress("source", parcel.done(), parcel.size)
            yield piece
