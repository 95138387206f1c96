"""Quantities: what people write is read exactly, and what is shown reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.strategies import any_string
from theseus.core.text.quantity import duration, memory, show_duration, show_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128G", 128 * 2**30),
        ("512m", 512 * 2**20),
        ("1.5T", 3 * 2**39),
        ("2KB", 2048),
        ("7 GiB", 7 * 2**30),
        ("100", 100 * 2**20),
        (" 1g ", 2**30),
        ("0.1K", 102),
    ],
)
def test_memory(text: str, size: int) -> None:
    """Memory is a number and a unit; a bare number counts megabytes."""
    assert memory(text).unwrap() == size


@pytest.mark.parametrize("text", ["", "G", "0", "0G", "-1G", "1P", "1e3G", "1,5G", "1G 1M", "٣G"])
def test_no_memory(text: str) -> None:
    """Anything else is refused, and quoted."""
    assert repr(text) in memory(text).failure()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90m", 90),
        ("12h", 720),
        ("2d", 2880),
        ("1h30m", 90),
        ("1.5h", 90),
        ("1.1d", 1584),
        ("1h 30m", 90),
        ("30s", 1),
        ("61s", 2),
        ("90:30", 91),
        ("12:00:00", 720),
        ("1-06", 1800),
        ("1-06:30", 1830),
        ("1-06:30:01", 1831),
    ],
)
def test_duration(text: str, minutes: int) -> None:
    """Time is written in units or in a form of sbatch's, and rounded up to minutes."""
    assert duration(text).unwrap() == minutes


@pytest.mark.parametrize("text", ["", "soon", "0", "0m", "-5", "1h x", "1:2:3:4", "1-", "1h30"])
def test_no_duration(text: str) -> None:
    """Anything else is refused, and quoted."""
    assert repr(text) in duration(text).failure()


@given(st.integers(1, 10**9))
def test_duration_reads_back(minutes: int) -> None:
    """A time that is shown reads back to itself."""
    assert duration(show_duration(minutes)).unwrap() == minutes


@given(st.integers(1, 1023), st.sampled_from([2**10, 2**20, 2**30, 2**40]))
def test_memory_reads_back(count: int, unit: int) -> None:
    """A whole number of a unit that is shown reads back to itself."""
    assert memory(show_memory(count * unit)).unwrap() == count * unit


@given(st.integers(1, 2**60))
def test_memory_is_shown_to_one_decimal(size: int) -> None:
    """What is shown of a size is right to one decimal of its unit."""
    if size >= 2**10:
        assert abs(memory(show_memory(size)).unwrap() - size) <= size * 0.051 + 1
    else:
        assert show_memory(size) == f"{size} B"


@given(any_string | st.from_regex(r"[0-9.:\-hmdsGKMT ]{1,400}", fullmatch=True))
def test_anything(text: str) -> None:
    """Whatever stands there is a positive quantity or refused: nothing is raised."""
    for parsed in (memory(text), duration(text)):
        if is_successful(parsed):
            assert parsed.unwrap() > 0
        else:
            assert "expected" in parsed.failure()
