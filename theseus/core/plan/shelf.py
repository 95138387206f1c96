"""Shelf: what a cluster's share holds already, and in what forms more may come there.

It is asked for together with the probes, so that whatever a plan needs can go at once, or stay.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve, field

from theseus.core.plan.steps import EnsureFile, EnsureTree, Step
from theseus.core.text.shell import path_word
from theseus.core.values import frozen

FOLDERS: Final = ("runtimes", "trees")
"""What lies below a share to be used by many runs; sh/perform.sh lists these."""
_GZIP, _ZSTD = ".tar.gz", ".tar.zst"
_TREE = re.compile(r"([0-9a-f]{40})\.tar\.gz")


@frozen
class Offer:
    """How a tree may come: as *zstd*, or as a pack upon one of *trees*, where there is git."""

    zstd: bool = False
    trees: tuple[str, ...] = ()


@frozen
class Shelf:
    """The *names* in each folder, the newest first, and the *tools* there: `zstd`, `git`."""

    tools: frozenset[str] = frozenset()
    names: dict[str, tuple[str, ...]] = field(factory=dict)

    def offer(self, step: EnsureFile | EnsureTree) -> Offer | None:
        """How what *step* needs may come; None where it is there."""
        folder, name = _place(step.path)
        if name in self.names.get(folder, ()):
            return None
        trees = self._trees() if "git" in self.tools else ()
        return Offer("zstd" in self.tools, trees)

    def after(self, steps: Iterable[Step]) -> "Shelf":
        """This shelf with what *steps* bring there."""
        names = dict(self.names)
        for step in steps:
            if isinstance(step, EnsureFile | EnsureTree):
                folder, name = _place(step.path)
                names[folder] = (name, *names.get(folder, ()))
        return evolve(self, names=names)

    def _trees(self) -> tuple[str, ...]:
        archives = map(_TREE.fullmatch, self.names.get("trees", ()))
        return tuple(archive[1] for archive in archives if archive is not None)


def shelf_question(share: str) -> str:
    """The line for bash that says what lies in *share*."""
    return f"shelf {path_word(share)}"


def read_shelf(answer: str) -> Shelf:
    """The shelf that sh/perform.sh describes: a line of tools, then each folder and its names."""
    tools, *lines = answer.split("\n")
    return Shelf(frozenset(tools.split()), dict(_folders(lines)))


def _folders(lines: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in lines:
        match line.split():
            case [folder, *names]:
                yield folder, tuple(name.replace(_ZSTD, _GZIP) for name in names)
            case _:
                continue


def _place(path: str) -> tuple[str, str]:
    """The folder and the name that *path* ends with."""
    rest, _, name = path.rpartition("/")
    return rest.rpartition("/")[2], name
