"""Values: what their classes share is as attrs itself would make it."""

import attrs
import pytest
from attrs import evolve, field
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.values import frozen


@frozen
class Nothing:
    """No field."""


@frozen
class One:
    """One field."""

    x: object


@frozen
class Several:
    """Fields that are hidden, or do not count."""

    x: object
    hidden: object = field(default=None, repr=False)
    aside: object = field(default=None, eq=False)


@frozen
class Own:
    """Methods of its own."""

    x: int

    def __repr__(self) -> str:
        return "mine"


@attrs.frozen
class ByAttrs:
    """What attrs makes of the same fields."""

    x: object
    hidden: object = field(default=None, repr=False)
    aside: object = field(default=None, eq=False)


CONTENT = st.one_of(st.none(), st.integers(0, 2), st.text(max_size=1), st.tuples(st.integers(0, 1)))


@given(st.lists(CONTENT, min_size=6, max_size=6))
def test_as_attrs_compares(content: list[object]) -> None:
    """Two values are equal, and are hashed alike, where attrs' own would be."""
    ours, theirs = Several(*content[:3]), ByAttrs(*content[:3])
    others, other_theirs = Several(*content[3:]), ByAttrs(*content[3:])
    assert (ours == others) == (theirs == other_theirs)
    if ours == others:
        assert hash(ours) == hash(others)
    assert repr(ours) == repr(theirs).replace("ByAttrs", "Several")
    assert (One(content[0]) == One(content[1])) == (content[0] == content[1])


def test_other_classes() -> None:
    """A value equals none of another class, whatever it holds."""
    values: list[object] = [Nothing(), One(1), Several(1), 1]
    for value in values:
        assert [other for other in values if other == value] == [value]
    assert len({Nothing(), Nothing(), One(1), One(1)}) == 2


def test_its_own_methods_stay() -> None:
    """What a class says itself is not replaced."""
    assert (repr(Own(1)), Own(1) == Own(1)) == ("mine", True)


def test_frozen() -> None:
    """A value does not change."""
    one = One(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.x = 2  # type: ignore[misc]  # that a frozen value refuses this is what is tried
    assert evolve(one, x=2) == One(2)


def test_names_of_inner_classes() -> None:
    """A class made inside a function is shown by its own name."""

    @frozen
    class Inner:
        x: int

    assert repr(Inner(1)) == "Inner(x=1)"
