"""Run words: which run a word of the command line means."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from returns.result import Failure, Result, Success

from theseus.core.values import frozen

_BETWEEN = 2.0  # seconds; those of one sweep are submitted at once, or found within a second or two


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
    """A run by its *id* and *name*; *at* is when it was submitted, in seconds since the epoch."""

    id: str
    name: str
    at: float = 0.0


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
    """The ids of the runs that *word* means: one run, or all of the newest sweep with that name.

    Those of a sweep come in order; one that was submitted again since is meant in its newest form.

    >>> meant_all("scan", [Known("2026-k7f2qx", "scan-1"), Known("2026-gh76zx", "scan-0")]).unwrap()
    ('2026-gh76zx', '2026-k7f2qx')
    """
    if not any(run.id == word for run in runs):
        numbered = re.compile(rf"{re.escape(word)}-([0-9]+)")
        for index, run in enumerate(runs):
            if run.name == word:
                break
            if numbered.fullmatch(run.name):
                return Success(_newest_sweep(numbered, runs[index:]))
    return meant(word, runs).map(lambda run_id: (run_id,))


def _newest_sweep(numbered: re.Pattern[str], runs: Sequence[Known]) -> tuple[str, ...]:
    """The ids of the runs of the newest sweep among *runs*, whose names are *numbered*."""
    newest: dict[int, str] = {}
    batches: list[list[int]] = []
    last = None
    for run in runs:
        found = numbered.fullmatch(run.name)
        if found is None:
            continue
        if last is None or last - run.at > _BETWEEN:
            batches.append([])
        number, last = int(found[1]), run.at
        batches[-1].append(number)
        newest.setdefault(number, run.id)
    # a run alone was submitted again
    sweep = next((batch for batch in batches if len(batch) > 1), batches[0])
    return tuple(newest[number] for number in sorted(set(sweep)))


def _is_part(word: str, run_id: str) -> bool:
    return run_id.startswith(word) or run_id.endswith(f"-{word}")
