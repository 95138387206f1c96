"""GRES: GPUs of a node by type, all and free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.inventory.gres import NodeGpus, count_gpus, node_gpus


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("(null)", {}),
        ("", {}),
        ("gpu:8", {"": 8}),
        ("gpu:h100_80gb:8(S:0-1)", {"h100_80gb": 8}),
        ("gpu:1g.10gb:7,gpu:a100:4,shard:32", {"1g.10gb": 7, "a100": 4}),
        ("gpu:h100:0(IDX:N/A)", {}),
        ("gpu:a100:2(IDX:0-1),gpu:a100:1(IDX:5)", {"a100": 3}),
        ("gpu:h100:8(S:0,1),gpu:(null):2(IDX:0-1),gpu:h100:1(S:", {"h100": 9, "": 2}),
        ("gpus:4,mygpu:4,gpu:h100,gpu:h100:many,gpu:h100:1:2", {}),
    ],
)
def test_counts(text: str, counts: dict[str, int]) -> None:
    """GPUs are counted by type, and nothing else is."""
    assert count_gpus(text) == counts


@pytest.mark.parametrize(
    ("used", "free"),
    [
        ("(null)", {"a": 4, "b": 2}),
        ("gpu:a:3(IDX:0-2)", {"a": 1, "b": 2}),
        ("gpu:a:9", {"a": 0, "b": 2}),
        ("gpu:1", {"a": 3, "b": 1}),
        ("gpu:(null):3(IDX:0-2)", {"a": 1, "b": 0}),
        ("gpu:c:9", {"a": 0, "b": 0}),
        ("gpu:a:(IDX:0-2)", {"a": 0, "b": 0}),
        ("gpu", {"a": 0, "b": 0}),
        # a GPU of which a part is used is not to be had whole; Slurm 22.05, then later ones
        ("gpu:a:1(IDX:1),shard:a:5(IDX:0,2)", {"a": 1, "b": 2}),
        ("gpu:a:0(IDX:N/A),shard:a:7(IDX:0-2)", {"a": 1, "b": 2}),
        ("gpu:a:0(IDX:N/A),shard:a:3(2/80,0/80,1/80,0/80)", {"a": 2, "b": 2}),
        ("gpu:a:0(IDX:N/A),shard:a:0(0/80,0/80,0/80,0/80)", {"a": 4, "b": 2}),
        ("gpu:a:0,shard:a:0(IDX:N/A),shard:b:0,shard:0", {"a": 4, "b": 2}),
        ("gpu:a:0(IDX:N/A),mps:a:50(50/100,0/100)", {"a": 3, "b": 2}),
        ("gpu:a:0(IDX:N/A),shard:3(1/8,1/8,1/8)", {"a": 1, "b": 0}),
        ("shard:a:2", {"a": 2, "b": 2}),
        ("shard:a:2(0/8)", {"a": 2, "b": 2}),
        ("shard:a:2(S:0-1)", {"a": 2, "b": 2}),
        ("shard:a:many", {"a": 0, "b": 0}),
        ("shards:a:2,mpsd:a:2", {"a": 4, "b": 2}),
    ],
)
def test_free(used: str, free: dict[str, int]) -> None:
    """Use that names no type here counts against every type; use that is unreadable is of all."""
    gpus = node_gpus("gpu:a:4,gpu:b:2", used)
    assert {each.type: each.free for each in gpus} == free


@given(st.text("gpushardmb:,()123/-", max_size=30), st.text("gpushardmb:,()123/-", max_size=30))
def test_never_more_than_there_are(configured: str, used: str) -> None:
    """However it is written, no more are free than there are, and never fewer than none."""
    for each in node_gpus(configured, used):
        assert isinstance(each, NodeGpus)
        assert 0 <= each.free <= each.total
