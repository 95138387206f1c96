"""Tables of text: columns as wide as their widest cell, readable without colour."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """*rows* below *head*, in columns.

    >>> print(table(("HOST", "VERDICT"), [("box", "chosen")]))
    HOST  VERDICT
    box   chosen
    """
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        indent
        + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
