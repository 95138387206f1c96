"""Probing: many hosts asked at the same time, beside the slowest of them asked alone.

Each host takes seconds to answer, as a driver does that wakes its GPUs. Connections are new each
time; what is measured is the survey, without the start of a process. Garbage is looked for as often
as in the command line, which is less often than Python does it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.farm import farm_in, names
from bench.measure import Row, Work, compared, in_turns, looking_less_often, timed
from theseus.core.config.config import PlainHost
from theseus.core.inventory.inventory import Inventory, Unreachable
from theseus.core.plan.inquiry import inquiry_of
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.inventory.survey import survey

LIMIT = 1.5


def rows(goes: int, sizes: Sequence[int], delay: float) -> Iterator[Row]:
    """The rows for so many hosts as *sizes* says, each of which takes *delay* seconds."""
    with TemporaryDirectory() as folder, farm_in(Path(folder), max(sizes), delay) as config:
        _probing(config, 1)()  # what is imported and made once is there by now
        for size in sizes:
            alone, together = timed(_probing(config, 1)), timed(_probing(config, size))
            with looking_less_often():
                taken, beside = in_turns(goes, together, alone)
            reference = (f"one, which takes {delay:g} s", beside)
            what = f"probe {size} hosts at once" if size > 1 else "probe 1 host"
            yield compared(what, taken, reference, LIMIT)


def _probing(config: str, hosts: int) -> Work:
    inquiries = {name: inquiry_of(PlainHost("lab", ssh=name)) for name in names(hosts)}

    async def asked() -> Inventory:
        async with AsyncsshConnections([config]) as connections:
            return (await survey(connections.open_shell, inquiries)).inventory

    def probe() -> None:
        inventory = asyncio.run(asked())
        silent = [name for name in inquiries if isinstance(inventory.of(name), Unreachable)]
        if silent:
            raise AssertionError(f"{silent[0]}: {inventory.of(silent[0])}")

    return probe
