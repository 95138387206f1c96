"""Run words: the argument RUN of commands, and the runs that it means.

A word is a run id, the beginning or the last part of one, or a name: then the newest run of it.
Where several runs may be given, the name of a sweep is all of its runs.
"""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from returns.iterables import Fold
from returns.result import Result, Success

from theseus.core.errors import PlanError
from theseus.effects.ledger.entries import LedgerEntry, find_entries, find_entry
from theseus.effects.ledger.ledger import Ledger

RunWord = Annotated[str, Parameter(name="RUN")]


def find_run(word: str) -> Result[LedgerEntry, PlanError]:
    """The run that *word* means."""
    found: Result[LedgerEntry, PlanError] = Result.do(
        entry for ledger in Ledger.open() for entry in find_entry(ledger, word)
    )
    return found


def find_runs(words: Sequence[str]) -> Result[tuple[LedgerEntry, ...], PlanError]:
    """The runs that *words* mean, each once; the name of a sweep means all of its runs."""
    found: Result[tuple[tuple[LedgerEntry, ...], ...], PlanError] = Ledger.open().bind(
        lambda ledger: Fold.collect([find_entries(ledger, word) for word in words], Success(()))
    )
    return found.map(
        lambda runs: tuple({entry.run_id: entry for some in runs for entry in some}.values())
    )
