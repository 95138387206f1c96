"""Constraints: which nodes they rule out; what cannot be read rules out none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.request.constraint import satisfies


@pytest.mark.parametrize(
    ("constraint", "holds"),
    [
        (None, True),
        ("a", True),
        ("c", False),
        ("a&b", True),
        ("a&c", False),
        ("c|b", True),
        ("c|d", False),
        ("a&(c|b)", True),
        ("(c|d)&a", False),
        ("a*2&b*4", True),
        (" a & b ", True),
        ("[c|d]", True),
        ("c d", True),
        ("a&", True),
        ("(a", True),
        ("c)", True),
        ("", True),
        ("&", True),
        ("c||d", True),
        ("c&|a", True),
        ("(c&)", True),
        ("()", True),
        ("c|d&a", False),
    ],
)
def test_constraint(constraint: str | None, *, holds: bool) -> None:
    """A node has the features a and b."""
    assert satisfies(("a", "b"), constraint) == holds


@given(st.text("ab&|()[]*2 ", max_size=12))
def test_anything(constraint: str) -> None:
    """Whatever stands there, a node is ruled out or not: nothing is raised."""
    assert satisfies(("a",), constraint) in {True, False}


@st.composite
def constraints(draw: st.DrawFn, depth: int = 2) -> tuple[str, bool]:
    """A constraint that can be read, and whether a node with the features a and b satisfies it."""
    if not depth:
        name = draw(st.sampled_from("abcd"))
        return f"{name}{draw(st.sampled_from(['', '*2']))}", name in "ab"
    parts = draw(st.lists(constraints(depth - 1), min_size=1, max_size=3))
    values = [value for _, value in parts]
    operator, value = draw(st.sampled_from([("&", all(values)), ("|", any(values))]))
    return f"({operator.join(text for text, _ in parts)})", value


@given(constraints())
def test_as_it_was_made(made: tuple[str, bool]) -> None:
    """However deep it goes, a constraint means what it was made to mean."""
    text, value = made
    assert satisfies(("a", "b"), text) == value
