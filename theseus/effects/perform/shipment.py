"""Shipment: a tree of the store as a parcel, in the form that moves the least.

A small tree goes as an archive, made beforehand. A larger one goes as a pack upon a tree that is
there already, where there is git on both sides; else as an archive, by zstd where both have it.
Whatever the form, the far side ends up with the same archive of the same tree.
"""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, cast

from attrs import field
from returns.pipeline import is_successful
from returns.result import Result, Success

from theseus.core.plan.shelf import Offer
from theseus.core.source.source import ArchiveNotWritten, SourceError
from theseus.core.values import frozen
from theseus.effects.perform.parcel import (
    PIECE,
    SMALL,
    Parcel,
    bytes_parcel,
    file_parcel,
    not_to_be_had,
)
from theseus.effects.source import git_output
from theseus.effects.source.archive import ArchiveBroken, gzipped, plain_commit, tar_chunks
from theseus.effects.source.git import command_line, environment
from theseus.effects.source.store import Store

_THIN_PACK = ("pack-objects", "--revs", "--thin", "--delta-base-offset", "--stdout", "-q")
_ZSTD = ("zstd", "-qc", "-3", "-T0")


@frozen
class Shipment:
    """A *tree* of *store*, ready to go: *size* bytes of content, and its *archive* if small."""

    store: Store
    tree: str
    commit: str
    size: int
    archive: bytes | None = field(default=None, repr=False)

    def parcel(self, offer: Offer) -> Parcel:
        """The parcel for a far side that takes what *offer* says."""
        if self.archive is not None:
            return bytes_parcel(self.archive, "gzip")
        base = _nearest(self.store, offer.trees)
        pack = None if base is None else _pack(self, base, "zstd" if offer.zstd else "gzip")
        if pack is not None:
            return pack
        zstd = offer.zstd and shutil.which("zstd") is not None
        return _archive(self, "zstd" if zstd else "gzip")


def make_ready(store: Store, tree: str) -> Result[Shipment, SourceError]:
    """The shipment of *tree*; of a small one the archive is made now."""
    return Result.do(
        Shipment(store, tree, commit, size, archive)
        for size in store.read("ls-tree", "-r", "-l", "-z", tree).map(git_output.content_size)
        for commit in plain_commit(store, tree)
        for archive in Success(_whole(store, commit) if size <= SMALL else None)
    )


def _whole(store: Store, commit: str) -> bytes | None:
    """The archive of *commit*; none if it fails, which it will say again when it is asked for."""
    with suppress(ArchiveBroken, OSError):
        return b"".join(gzipped(tar_chunks(store, commit)))
    return None


def _archive(shipment: Shipment, form: str) -> Parcel:
    done = 0

    def counted() -> Iterator[bytes]:
        nonlocal done
        for chunk in tar_chunks(shipment.store, shipment.commit):
            done += len(chunk)
            yield chunk

    squeezed = _by_zstd(counted()) if form == "zstd" else gzipped(counted())
    return Parcel(form, _whole_or_error(_pieces(squeezed)), shipment.size, lambda: done)


def _by_zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with (
        ThreadPoolExecutor(1) as feeder,
        subprocess.Popen(_ZSTD, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as zstd,
    ):
        feeding = feeder.submit(_feed, chunks, cast("IO[bytes]", zstd.stdin))
        while piece := cast("IO[bytes]", zstd.stdout).read(PIECE):
            yield piece
        feeding.result()
    if zstd.returncode != 0:
        raise OSError(0, f"zstd ended with status {zstd.returncode}")


def _feed(chunks: Iterator[bytes], pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError), pipe:
        for chunk in chunks:
            pipe.write(chunk)


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """*chunks* joined to pieces that are worth a process of the far side each."""
    piece = bytearray()
    for chunk in chunks:
        piece += chunk
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _whole_or_error(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except ArchiveBroken as broken:
        raise not_to_be_had(broken.error) from None
    except OSError as error:
        raise not_to_be_had(ArchiveNotWritten("zstd", error.strerror or str(error))) from None


def _nearest(store: Store, trees: tuple[str, ...]) -> str | None:
    """The first of *trees* that is known here."""
    feed = "".join(f"{tree}\n" for tree in trees).encode()
    known = store.read("cat-file", "--batch-check", feed=feed) if trees else Success(b"")
    lines = (line.split() for line in known.value_or(b"").splitlines())
    return next((line[0].decode() for line in lines if line[1] == b"tree"), None)


def _pack(shipment: Shipment, base: str, form: str) -> Parcel | None:
    """What the tree has and the tree *base* has not, to be kept as *form*; None where git fails.

    Git leaves out what the parents of a commit hold, and writes changes as differences to it.
    """
    store = shipment.store
    revisions = Result.do(
        f"{upon}\n{shipment.commit}\n^{parent}\n".encode()
        for parent in plain_commit(store, base)
        for upon in plain_commit(store, shipment.tree, "-p", parent)
    )
    if not is_successful(revisions):
        return None
    with NamedTemporaryFile(dir=store.directory, suffix=".pack", delete=False) as file:
        done = subprocess.run(
            command_line(store.secluded, store.directory, _THIN_PACK),
            input=revisions.unwrap(),
            stdout=file,
            stderr=subprocess.DEVNULL,
            env=environment(store.secluded),
            check=False,
        )
    if done.returncode != 0:
        return None
    return file_parcel(Path(file.name), f"{form} {shipment.commit} {base}")
