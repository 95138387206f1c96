"""Where the user stands: which repository, which directory in it, what HEAD is.

One git process answers all of it. Nothing is decided here.
"""

import os
from pathlib import Path

from returns.result import Failure, Result, Success

from theseus.core.source.source import NameNotText, NoWorkTree, SourceError
from theseus.core.values import frozen
from theseus.effects.source.git import Finished, Git, call, named


@frozen
class Head:
    """A commit and its tree, as hashes."""

    commit: str
    tree: str


@frozen
class Place:
    """The repository's *top*, the *subdirectory* ("" at the top), its *objects* and its *head*.

    *head* is None in a repository without commits. Paths are absolute.
    """

    top: Path
    subdirectory: str
    objects: Path
    head: Head | None


def locate(start: Path, git: Git) -> Result[Place, SourceError]:
    """Find the repository around the directory *start*."""
    here = start.resolve()
    words = ("--is-inside-work-tree", "--show-cdup", "--git-path", "objects", "HEAD", "HEAD^{tree}")
    return call(git, here, "rev-parse", *words).bind(lambda done: _place(here, done))


def _place(here: Path, done: Finished) -> Result[Place, SourceError]:
    inside, _, rest = done.output.partition(b"\n")
    if inside == b"false":
        return Failure(NoWorkTree(str(here)))
    unborn = "ambiguous argument 'HEAD'" in done.complaint
    if done.status != 0 and not unborn:
        return Failure(named(done, here))
    # The path of the objects may hold newlines, so it is what the others leave over; without a
    # commit, git repeats the word HEAD in place of its hash and stops there.
    ascent, _, rest = rest.partition(b"\n")
    objects, *hashes = rest.removesuffix(b"\n").rsplit(b"\n", 1 if unborn else 2)
    top = (here / os.fsdecode(ascent)).resolve()
    head = None if unborn else Head(*(name.decode("ascii") for name in hashes))
    return _named_in_text(
        Place(
            top=top,
            subdirectory="" if here == top else here.relative_to(top).as_posix(),
            objects=here / os.fsdecode(objects),
            head=head,
        )
    )


def repository_name(top: Path) -> str:
    """What the repository with the work tree *top* is called: a linked work tree has its name too.

    gitrepository-layout(5): there `.git` is a file that names a directory, whose `commondir` names
    the repository's own.
    """
    link = top / ".git"
    try:
        own = top / os.fsdecode(link.read_bytes()).removeprefix("gitdir:").strip()
        common = (own / os.fsdecode((own / "commondir").read_bytes()).strip()).resolve()
    except OSError:  # a directory, or the file of a submodule
        return top.name
    return common.parent.name if common.name == ".git" else common.name.removesuffix(".git")


def _named_in_text(place: Place) -> Result[Place, SourceError]:
    """Refuse names that no plan can hold."""
    try:
        f"{repository_name(place.top)}/{place.top.name}/{place.subdirectory}".encode()
    except UnicodeEncodeError:
        return Failure(NameNotText(str(place.top / place.subdirectory)))
    return Success(place)
