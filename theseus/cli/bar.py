"""Bar: how far something has come, on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from theseus.effects.runs import pull


@contextmanager
def bar() -> Iterator[pull.Progress]:
    """A bar with bytes, rate, what is left, and the name of what comes."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    name = TextColumn("{task.description}", markup=False)
    with Progress(*columns, name, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def progress(file: str, here: int, total: int) -> None:
            shown.update(task, description=ascii(file)[1:-1], completed=here, total=total)

        yield progress
