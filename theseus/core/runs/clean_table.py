"""Clean table: what was removed, or would be, as rows for people and programs."""

from collections.abc import Iterable

from theseus.core.runs.clean import Removal
from theseus.core.text.quantity import show_memory
from theseus.core.text.table import table
from theseus.core.values import frozen


@frozen
class CleanRow:
    """One thing on the storage of *host*; *reason* says why it stays, None when it goes.

    *size* is in bytes, *last_used* in seconds since the epoch, by the clock of the host.
    """

    host: str
    kind: str
    path: str
    size: int
    last_used: int
    unused_days: int
    reason: str | None


def clean_row(host: str, now: int, removal: Removal) -> CleanRow:
    """The row of *removal* on *host*, whose clock says *now*."""
    item = removal.item
    return CleanRow(
        host=host,
        kind=item.kind,
        path=item.path,
        size=item.size,
        last_used=item.used,
        unused_days=max(0, now - item.used) // 86400,
        reason=removal.reason,
    )


def render_clean(rows: Iterable[CleanRow]) -> str:
    """*rows* as a table."""
    cells = [
        (
            row.host,
            row.kind,
            show_memory(row.size),
            f"{row.unused_days} d",
            row.path if row.reason is None else f"{row.path} (kept: {row.reason})",
        )
        for row in rows
    ]
    return table(("HOST", "WHAT", "SIZE", "UNUSED", "PATH"), cells)
