"""As much of numpy as a mesh needs: an array that can be reshaped into a table."""

from dataclasses import dataclass
from typing import Any


@dataclass
class _Array:
    items: list[Any]
    rows: list[list[Any]]

    def reshape(self, height: int, width: int) -> "_Array":
        rows = [self.items[row * width : (row + 1) * width] for row in range(height)]
        return _Array(self.items, rows)


def asarray(items: list[Any]) -> _Array:
    """An array of *items*."""
    return _Array(items, [items])
