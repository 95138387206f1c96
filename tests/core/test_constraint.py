"""Constraints: which nodes they rule out; what cannot be read rules out none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.constraint import satisfies


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
    ],
)
def test_constraint(constraint: str | None, holds: bool) -> None:  # noqa: FBT001  the expectation
    """A node has the features a and b."""
    assert satisfies(("a", "b"), constraint) == holds


@given(st.text("ab&|()[]*2 ", max_size=12))
def test_anything(constraint: str) -> None:
    """Whatever stands there, a node is ruled out or not: nothing is raised."""
    assert satisfies(("a",), constraint) in {True, False}
