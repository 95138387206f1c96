"""`python -m bench [PART…]`: the table of doc/performance.md, measured on this machine now."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from bench import loading, many, probing, shipping, solve, starting, submitting
from bench.measure import Row, table
from bench.sources import LARGE, MANY, SMALL
from tests.e2e.slurm.cluster import SlurmCluster, running_cluster
from tests.e2e.slurm.requirements import missing


def on_cluster(rows: Callable[[SlurmCluster], Iterator[Row]]) -> Iterator[Row]:
    """The *rows* of a SLURM cluster on this machine; none where it cannot have one."""
    if reason := missing(accounting=False):
        print(f"nothing is submitted: {reason}", file=sys.stderr)
        return
    with running_cluster(accounting=False) as cluster:
        yield from rows(cluster)


PARTS: Mapping[str, Callable[[], Iterable[Row]]] = {
    "submit": lambda: on_cluster(lambda it: submitting.rows(it, SMALL, 7, (0, 40, 100))),
    "start": lambda: starting.rows(7),
    "probe": lambda: chain(probing.rows(3, (1, 10, 100), 1.0), probing.rows(3, (1, 10, 100), 3.0)),
    "solve": lambda: solve.rows((10, 100, 1_000, 10_000), (1_000, 10_000, 50_000)),
    "load": lambda: loading.rows(5, 5_000),
    "ship": lambda: chain(shipping.rows(5, MANY), shipping.rows(2, LARGE)),
    "many": lambda: on_cluster(lambda it: many.rows(it, SMALL, 3, (1, 100, 1_000))),
}


def main(names: list[str]) -> None:
    """Print the table of the parts *names*, or of all."""
    if unknown := set(names) - PARTS.keys():
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for line in table(chain.from_iterable(PARTS[name]() for name in names or PARTS)):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
