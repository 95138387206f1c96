"""`python -m bench [PART…]`: the table of doc/performance.md, measured on this machine now."""

import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from bench import loading, shipping, solve, starting, submitting
from bench.measure import Row, table
from bench.sources import LARGE, MANY, SMALL

PARTS: Mapping[str, Callable[[], Iterable[Row]]] = {
    "submit": lambda: submitting.rows(SMALL, 7, (0, 40, 100)),
    "start": lambda: starting.rows(7),
    "solve": lambda: solve.rows((10, 100, 1_000, 10_000), (1_000, 10_000, 50_000)),
    "load": lambda: loading.rows(3, 5_000),
    "ship": lambda: chain(shipping.rows(3, MANY), shipping.rows(1, LARGE)),
}


def main(names: list[str]) -> None:
    """Print the table of the parts *names*, or of all."""
    if unknown := set(names) - PARTS.keys():
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(table([row for name in names or PARTS for row in PARTS[name]()]))


if __name__ == "__main__":
    main(sys.argv[1:])
