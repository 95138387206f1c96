"""Run words: which run a word of the command line means."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from attrs import frozen
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success


@frozen
class UnknownRun:
    """No run has the id or name *word*; *nearest* are ids and names that look like it."""

    word: str
    nearest: tuple[str, ...]


@frozen
class AmbiguousRun:
    """Several runs have an id that *word* is a part of: *candidates*."""

    word: str
    candidates: tuple[str, ...]


@frozen
class Known:
    """A run by its *id* and *name*."""

    id: str
    name: str


def meant(word: str, runs: Sequence[Known]) -> Result[str, UnknownRun | AmbiguousRun]:
    """The id of the run that *word* means; *runs* are those there are, the newest first.

    A full id comes first, then a name (the newest run of it), then the beginning or the last part
    of one id.

    >>> runs = (Known("20261124-135201-gh76zx", "demo"), Known("20261124-135107-bcd234", "demo"))
    >>> meant("demo", runs).unwrap(), meant("bcd234", runs).unwrap()
    ('20261124-135201-gh76zx', '20261124-135107-bcd234')
    """
    exact = next((run.id for run in runs if run.id == word), None)
    newest = exact or next((run.id for run in runs if run.name == word), None)
    if newest is not None:
        return Success(newest)
    parts = tuple(run.id for run in runs if word and _is_part(word, run.id))
    match parts:
        case (only,):
            return Success(only)
        case ():
            known = dict.fromkeys(text for run in runs for text in (run.name, run.id))
            return Failure(UnknownRun(word, tuple(get_close_matches(word, known))))
        case _:
            return Failure(AmbiguousRun(word, parts))


def meant_all(
    word: str, runs: Sequence[Known]
) -> Result[tuple[str, ...], UnknownRun | AmbiguousRun]:
    """The ids of the runs that *word* means: one run, or all of the sweep with that name, in order.

    >>> meant_all("scan", [Known("2026-k7f2qx", "scan-1"), Known("2026-gh76zx", "scan-0")]).unwrap()
    ('2026-gh76zx', '2026-k7f2qx')
    """
    one = meant(word, runs)
    numbers = re.compile(rf"{re.escape(word)}-([0-9]+)")
    swept = [(found[1], run.id) for run in runs if (found := numbers.fullmatch(run.name))]
    if is_successful(one) or not swept:
        return one.map(lambda run_id: (run_id,))
    return Success(tuple(run_id for _, run_id in sorted(swept)))


def _is_part(word: str, run_id: str) -> bool:
    return run_id.startswith(word) or run_id.endswith(f"-{word}")
