"""Submitting to a real SLURM cluster, beside the pipeline that one would write by hand.

`git archive HEAD | gzip -1 | ssh host 'tar xz; sbatch'`: whole processes all of them, over links of
several round-trip times. The pipeline opens a connection each time, and so does theseus by
asyncssh; by the system's ssh it goes through the connection that stands since the first time.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.link import Traffic, told
from bench.measure import Row, Timing, Work, compared, in_turns, timed
from bench.site import TRANSPORTS, Site, site_at
from bench.sources import Size, make_repository
from tests.e2e.slurm.cluster import SlurmCluster

CHANGED, THERE = "tree changed", "tree there"
FAR = (
    'cd "$(mktemp -d)" && tar xz && printf "#!/bin/sh\\ntrue\\n" >job.sh && '
    "sbatch --parsable --hold --partition=cpu job.sh"
)
# the most that a submission may take beside the pipeline: by transport, tree and milliseconds
LIMITS = {
    ("asyncssh", CHANGED, 0): 2.0,
    ("asyncssh", CHANGED, 100): 1.2,
    ("openssh", CHANGED, 0): 1.3,
    ("openssh", THERE, 0): 1.0,
    ("openssh", CHANGED, 100): 1.2,
}
Carried = dict[str, Traffic]


def rows(cluster: SlurmCluster, size: Size, goes: int, delays: Sequence[int]) -> Iterator[Row]:
    """The rows for links whose round trip takes *delays* in milliseconds."""
    with TemporaryDirectory() as folder:
        for delay in delays:
            with site_at(Path(folder) / str(delay), cluster, delay / 1000) as site:
                make_repository(site.desk.repository, size)
                for transport in TRANSPORTS:
                    site.submit(transport)()  # what is sent once for ever is there by now
                yield from _rows(site, goes, delay)
            cluster.cancel_all()


def _rows(site: Site, goes: int, delay: int) -> Iterator[Row]:
    carried: Carried = {}
    ways = [(transport, tree) for transport in TRANSPORTS for tree in (CHANGED, THERE)]
    by_hand, *submitted = in_turns(
        goes,
        _by_hand(site, carried),
        *(_submitting(site, transport, tree, carried) for transport, tree in ways),
    )
    beside = f"the pipeline, {told(carried['by hand'])}", by_hand
    for (transport, tree), taken in zip(ways, submitted, strict=True):
        traffic = told(carried[transport + tree])
        what = f"submit, {delay} ms, {transport}, {tree}, {traffic}"
        yield compared(what, taken, beside, LIMITS.get((transport, tree, delay)))


def _by_hand(site: Site, carried: Carried) -> Timing:
    work = site.by_hand("git archive HEAD | gzip -1", FAR)
    return timed(partial(_carry, site, carried, "by hand", work), site.change)


def _submitting(site: Site, transport: str, tree: str, carried: Carried) -> Timing:
    work = partial(_carry, site, carried, transport + tree, site.submit(transport))
    return timed(work, site.change) if tree == CHANGED else timed(work)


def _carry(site: Site, carried: Carried, name: str, work: Work) -> None:
    carried[name] = site.counted(work)
