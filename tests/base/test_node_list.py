"""SLURM's node lists as names; nothing is raised, whatever stands there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.base.node_list import expand_nodes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("gpu1", ("gpu1",)),
        ("gpu1,cpu1", ("gpu1", "cpu1")),
        ("gpu[1-4]", ("gpu1", "gpu2", "gpu3", "gpu4")),
        ("gpu[1,3-4],cpu[1-2]", ("gpu1", "gpu3", "gpu4", "cpu1", "cpu2")),
        ("n[008-011]", ("n008", "n009", "n010", "n011")),
        ("n[8-11]", ("n8", "n9", "n10", "n11")),
        ("rack[1-2]n[1-2]-ib", ("rack1n1-ib", "rack1n2-ib", "rack2n1-ib", "rack2n2-ib")),
        ("dgx-a[1-2].example", ("dgx-a1.example", "dgx-a2.example")),
    ],
)
def test_names(text: str, names: tuple[str, ...]) -> None:
    """A list names nodes one by one, in ranges, and with zeros in front."""
    assert expand_nodes(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n[a-c]", ("na-c",)),
        ("n[1-x],m", ("n1-x", "m")),
        ("n[5-1]", ()),
        ("n[1-1234567890123]", ("n1-1234567890123",)),
        ("n[]", ("n",)),
        ("n[1-2", ("n", "1-2")),
    ],
)
def test_no_list(text: str, names: tuple[str, ...]) -> None:
    """What is no range of numbers stands as it is."""
    assert expand_nodes(text) == names


@given(st.text("gpu123-,[]", max_size=12))
def test_anything(text: str) -> None:
    """Whatever stands there, names come of it: nothing is raised."""
    assert all(isinstance(name, str) for name in expand_nodes(text))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5, unique=True), st.integers(1, 4))
def test_ranges(starts: list[int], width: int) -> None:
    """A range names each number once, none narrower than its first."""
    ranges = ",".join(f"{start:0{width}}-{start + 2:0{width}}" for start in starts)
    numbers = [f"{start + more:0{width}}" for start in starts for more in range(3)]
    assert expand_nodes(f"n[{ranges}]") == tuple(f"n{number}" for number in numbers)
