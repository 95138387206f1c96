"""Sending: a segment's steps with the content that goes with them.

Small content is read before anything is sent, so that a missing secret stops a segment before
it starts; what is sent only where it is missing is read only then.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias, assert_never

from attrs import field

from theseus.core.config.secrets import Secret
from theseus.core.plan.script import (
    Command,
    Obtain,
    Receive,
    Unpack,
    command_frame,
    instruction,
    obtain_frame,
    receive_frame,
    received,
    unpack_frame,
)
from theseus.core.plan.shelf import Offer, Shelf
from theseus.core.plan.steps import (
    Content,
    EnsureFile,
    EnsureTree,
    Packaged,
    PlanDocument,
    PutFiles,
    Segment,
    Text,
)
from theseus.core.text.shell import environment_file
from theseus.core.values import frozen
from theseus.effects.perform.parcel import Parcel, bytes_parcel
from theseus.effects.perform.supply import Supply

ParcelFor: TypeAlias = Callable[[Supply, Offer], Awaitable[Parcel]]


@frozen
class Ready:
    """The *frame* of step *index*, with everything that belongs to it."""

    index: int
    frame: bytes = field(repr=False)  # it may hold secrets


@frozen
class Lacking:
    """Step *index*, whose content is sent only where it is missing, by *parcel_for*.

    It may come as *offer* says. Where nothing is *known* of the shelf there, it has to be asked
    whether it is missing.
    """

    index: int
    obtain: Obtain
    offer: Offer
    known: bool
    parcel_for: ParcelFor


Sending: TypeAlias = Ready | Lacking


async def prepare(
    segment: Segment, supply: Supply, shelf: Shelf | None = None
) -> tuple[Sending, ...]:
    """The sendings of *segment*, with everything in them that is sent in any case.

    What lies on the *shelf* of the host is not sent.
    """
    made: list[Sending] = []
    for index, step in enumerate(segment.steps, segment.first):
        match instruction(step):
            case Command(command):
                made.append(Ready(index, command_frame(index, command)))
            case Receive() as receive:
                content = await content_of(receive.content, supply)
                sha256 = hashlib.sha256(content).hexdigest()
                made.append(Ready(index, receive_frame(index, receive, content, sha256)))
            case Unpack(_, files) as unpack:
                archive = await archive_of(files, supply)
                sha256 = hashlib.sha256(archive).hexdigest()
                made.append(Ready(index, unpack_frame(index, unpack, archive, sha256)))
            case Obtain() as obtain:
                made.append(_obtaining(index, obtain, shelf))
            case other:
                assert_never(other)
    return tuple(made)


def _obtaining(index: int, obtain: Obtain, shelf: Shelf | None) -> Sending:
    offer = Offer() if shelf is None else shelf.offer(obtain.step)
    if offer is None:
        return Ready(index, obtain_frame(index, obtain, "there"))
    return Lacking(index, obtain, offer, shelf is not None, _parcel_for(obtain.step))


async def archive_of(put: PutFiles, supply: Supply) -> bytes:
    """An archive of the files of *put*, named from its directory."""
    from theseus.effects.perform.bundle import BundledFile, bundle  # noqa: PLC0415  for sweeps alone

    files = []
    for step in put.files:
        receive = received(step)
        name = step.path.removeprefix(f"{put.directory}/")
        content = await content_of(receive.content, supply)
        files.append(BundledFile(name, receive.mode, content))
    return await asyncio.to_thread(bundle, files)


async def content_of(content: Content | tuple[Secret, ...], supply: Supply) -> bytes:
    """The bytes of *content*."""
    match content:
        case Text(text):
            return text.encode("utf-8", "surrogateescape")
        case Packaged():
            return supply.packaged(content)
        case PlanDocument():
            return supply.plan_document()
        case tuple():
            values = {each.variable: await supply.secret(each.reference) for each in content}
            return environment_file(values, {}).encode("utf-8", "surrogateescape")
        case _:
            assert_never(content)


def _parcel_for(step: EnsureFile | EnsureTree) -> ParcelFor:
    async def parcel_for(supply: Supply, offer: Offer) -> Parcel:
        match step:
            case EnsureFile(content=packaged):
                return bytes_parcel(supply.packaged(packaged))
            case EnsureTree(tree=tree):
                return await supply.parcel(tree, offer)
            case _:
                assert_never(step)

    return parcel_for


@frozen
class Aside:
    """Carries pieces otherwise than in the dialogue, *at_once* at the same time.

    *carry* gives the name by which `obtain` finds a piece; None where it did not come through.
    """

    carry: Callable[[bytes], Awaitable[str | None]]
    at_once: int


async def frames_of(parcel: Parcel, aside: Aside | None = None) -> AsyncGenerator[bytes]:
    """*parcel* as `obtain` reads it: its form, each piece after its size, their sha256.

    Instead of a piece that goes *aside* its name stands there.
    """
    size, digest = 0, hashlib.sha256()
    yield f"{parcel.form}\n".encode()
    async with aclosing(_carried(parcel, aside)) as carried:
        async for piece, name in carried:
            size += len(piece)
            await asyncio.to_thread(digest.update, piece)
            if name is None:
                yield b"%d\n" % len(piece)
                yield piece
            else:
                yield b"@%s\n" % name.encode()
    yield b"0\n%d %s\n" % (size, digest.hexdigest().encode())


async def _carried(parcel: Parcel, aside: Aside | None) -> AsyncGenerator[tuple[bytes, str | None]]:
    """The pieces in their order, each with the name by which it was carried aside."""
    if aside is None:
        while piece := await _next_piece(parcel):
            yield piece, None
        return
    underway: deque[tuple[bytes, asyncio.Future[str | None]]] = deque()
    try:
        while True:
            while len(underway) < aside.at_once and (piece := await _next_piece(parcel)):
                underway.append((piece, asyncio.ensure_future(aside.carry(piece))))
            if not underway:
                return
            piece, carrying = underway.popleft()
            yield piece, await carrying
    finally:
        for _, carrying in underway:
            carrying.cancel()
        await asyncio.gather(*(carrying for _, carrying in underway), return_exceptions=True)


async def _next_piece(parcel: Parcel) -> bytes:
    return await asyncio.to_thread(next, parcel.pieces, b"")
