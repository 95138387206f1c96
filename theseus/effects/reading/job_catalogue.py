"""A catalogue of jobs: what there is, what is in the way, and getting one.

Here: the values that listing gives, and importing the one job asked for. Never here: the places
that name jobs.
"""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from theseus.base.command import KEY
from theseus.core.values import frozen
from theseus.registry import JOBS, Job, UnknownJob


@frozen
class Entry:
    """A job that can be asked for.

    *module* is what to import, None for a built-in; *paths* are the import roots that hold it,
    relative to the directory asked about, none for an installed module; *origin* says who named it.
    """

    key: str
    module: str | None
    paths: tuple[str, ...] = ()
    has_config: bool = False
    origin: str = "built in"


@frozen
class JobProblem:
    """A place that should name jobs and does not: *where* it is, *what* is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@frozen
class Catalogue:
    """All jobs of a directory, and the problems met while listing them."""

    start: Path
    entries: tuple[Entry, ...]
    problems: tuple[JobProblem, ...] = ()

    def keys(self) -> tuple[str, ...]:
        """Every key, in order."""
        return tuple(sorted(entry.key for entry in self.entries))

    def find(self, key: str) -> Entry | None:
        """The job of that key."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def nearest(self, key: str) -> tuple[str, ...]:
        """The keys that look most like *key*, best first."""
        return tuple(difflib.get_close_matches(key, self.keys()))

    def load(self, key: str) -> Job:
        """The job itself, its module imported; UnknownJob or JobImportError when that fails."""
        entry = self.find(key)
        if entry is None:
            raise UnknownJob(key, self.nearest(key))
        if entry.module is None:
            return JOBS[key]
        with importing([self.start / path for path in entry.paths]):
            return JOBS.imported(key, entry.module)


@contextmanager
def importing(roots: Iterable[Path]) -> Iterator[None]:
    """Import roots first on the path, for good: a job imports more when it runs.

    No byte code is written meanwhile: it would be part of the source tree that is shipped next.
    """
    missing = [str(root.resolve()) for root in roots if str(root.resolve()) not in sys.path]
    sys.path[:0] = missing
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def merged(start: Path, found: Iterable[Entry | JobProblem]) -> Catalogue:
    """The first entry of each key; another module that claims the key is a problem."""
    entries: dict[str, Entry] = {}
    problems: list[JobProblem] = []
    loaded = {job.key for job in JOBS.registered()} - {KEY}  # these the registry has compared
    for item in found:
        if isinstance(item, JobProblem):
            problems.append(item)
            continue
        first = entries.setdefault(item.key, item)
        if _compete(first, item) and item.key not in loaded:
            both = f"job {item.key!r} is both in {first.module or 'theseus'} and in {item.module}"
            problems.append(JobProblem(item.origin, f"{both}; rename one"))
    return Catalogue(start, tuple(entries.values()), tuple(dict.fromkeys(problems)))


def _compete(first: Entry, second: Entry) -> bool:
    one, other = first.module or "", second.module or ""
    return not within(one, other) and not within(other, one)


def within(module: str, package: str) -> bool:
    """Whether a module is *package* or beneath it."""
    return module == package or module.startswith(f"{package}.")
