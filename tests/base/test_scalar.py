"""The number, truth value or nothing that a text spells, the same on both sides."""

import math

import pytest

from theseus.base.scalar import Scalar, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("8", 8), ("-8", -8), ("+1_000", 1000), (" 8\n", 8), ("007", 7)),
        *(("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1e-3", 0.001), ("-inf", -math.inf)),
        *(("true", True), ("False", False), ("NULL", None)),
        *(
            ("", ""),
            ("8 GPUs", "8 GPUs"),
            ("1e", "1e"),
            ("\u0661", "\u0661"),
            ("1.2.3", "1.2.3"),
            ("_1", "_1"),
        ),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalar(text: str, value: Scalar) -> None:
    """Whole numbers, decimal ones, true, false and null are read; all else stays text."""
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))
