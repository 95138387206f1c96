"""The shelf of a share: what is there, and in what form the rest may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.plan.shelf import Offer, Shelf, read_shelf, shelf_question
from theseus.core.plan.steps import ClaimRun, EnsureFile, EnsureTree, Packaged

ONE, OTHER = "1" * 40, "2" * 40
ANSWER = f"""\
zstd git
runtimes {"a" * 64}.zip
trees {ONE}.tar.zst {OTHER}.tar.gz {"3" * 64}.tar.gz {OTHER}.tar.gz.part.17.4
"""


def tree(name: str) -> EnsureTree:
    """The step that has the tree *name* in a share."""
    return EnsureTree("box", f"~/share/trees/{name}.tar.gz", name)


def runtime(sha256: str) -> EnsureFile:
    """The step that has a runtime in a share."""
    path = f"~/share/runtimes/{sha256}.zip"
    return EnsureFile("box", path, 0o600, Packaged("runtime.zip", sha256))


def test_question() -> None:
    """The share is one word for bash, wherever it lies."""
    assert shelf_question("~/a share") == "shelf ~/'a share'"


def test_what_is_there_needs_no_offer() -> None:
    """An archive is there in whatever form it is kept."""
    shelf = read_shelf(ANSWER)
    trees = [tree(ONE), tree(OTHER), tree("3" * 64)]
    assert [shelf.offer(step) for step in trees] == [None] * 3
    assert shelf.offer(runtime("a" * 64)) is None


def test_what_is_missing_may_come_as_a_pack() -> None:
    """A pack comes upon trees that are whole and have a hash of SHA-1, the newest first."""
    shelf = read_shelf(ANSWER)
    assert shelf.offer(tree("4" * 40)) == Offer(zstd=True, trees=(ONE, OTHER))
    assert shelf.offer(runtime(ONE)) is not None


@pytest.mark.parametrize(
    ("tools", "offer"),
    [("", Offer()), ("zstd", Offer(zstd=True)), ("git", Offer(trees=(ONE,)))],
)
def test_tools(tools: str, offer: Offer) -> None:
    """Without git there nothing comes as a pack, without zstd all comes by gzip."""
    shelf = read_shelf(f"{tools}\nruntimes\ntrees {ONE}.tar.gz\n")
    assert shelf.offer(tree(OTHER)) == offer


def test_no_answer() -> None:
    """A host that says nothing has nothing."""
    assert read_shelf("") == Shelf()
    assert Shelf().offer(tree(ONE)) == Offer()


def test_what_steps_bring() -> None:
    """What a plan has brought lies there for the next."""
    shelf = Shelf().after((ClaimRun("box", "~/share/runs/r"), tree(ONE), runtime("a")))
    assert shelf.offer(tree(ONE)) is None
    assert shelf.offer(runtime("a")) is None
    assert shelf.after((tree(OTHER),)).names["trees"] == (f"{OTHER}.tar.gz", f"{ONE}.tar.gz")


@given(st.text())
def test_any_answer(answer: str) -> None:
    """Whatever a host says is read, whoever has put files into its share."""
    shelf = read_shelf(answer)
    assert isinstance(shelf.offer(tree(ONE)), Offer | None)
    assert shelf.after((tree(ONE),)).offer(tree(ONE)) is None


def test_odd_names() -> None:
    """Names with line ends of any alphabet are no folders."""
    shelf = read_shelf(f"git\nruntimes\ntrees a\x0b\x0bb \u2028 {ONE}.tar.gz\n\n")
    assert shelf.offer(tree(ONE)) is None
