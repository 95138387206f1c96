"""The example configs decode, and the big one has every key there is."""

from pathlib import Path
from typing import Any

import attrs
import pytest
from returns.pipeline import is_successful

from theseus.core.config.config import (
    ClusterConfig,
    DispatchConfig,
    Partition,
    PlainHost,
    SlurmHost,
)
from theseus.core.error_text import explain
from theseus.effects.reading.load import load_config
from theseus.effects.reading.yaml_text import DispatchLoader, parse

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", ["dispatch.yaml", "local.yaml"])
def test_decodes(name: str) -> None:
    """A user can copy the file as it stands."""
    loaded = load_config(str(EXAMPLES / name))
    assert is_successful(loaded), explain(loaded.failure())


def test_every_key() -> None:
    """Every field of every class of the config occurs in dispatch.yaml, under its own kind."""
    data: dict[str, Any] = parse((EXAMPLES / "dispatch.yaml").read_text(), DispatchLoader).unwrap()
    hosts = data["hosts"].values()
    slurm = [host for host in hosts if host["type"] == "slurm"]
    plain = [host for host in hosts if host["type"] == "plain"]
    partitions = [each for host in slurm for each in host["partitions"] if isinstance(each, dict)]
    for cls, parts in (
        (DispatchConfig, [data]),
        (ClusterConfig, data["clusters"].values()),
        (PlainHost, plain),
        (SlurmHost, slurm),
        (Partition, partitions),
    ):
        used = {key for part in parts for key in part}
        assert {field.name for field in attrs.fields(cls)} <= used, cls


def test_every_key_is_explained() -> None:
    """Each line of dispatch.yaml that brings a key for the first time has a comment near it."""
    lines = (EXAMPLES / "dispatch.yaml").read_text().splitlines()
    keys = {
        field.name
        for cls in (DispatchConfig, ClusterConfig, PlainHost, SlurmHost, Partition)
        for field in attrs.fields(cls)
    }
    for key in keys - {"name", "clusters", "hosts"}:
        places = [at for at, line in enumerate(lines) if line.strip(" -").startswith(f"{key}:")]
        near = (line for at in places for line in lines[max(0, at - 3) : at + 2])
        assert any("#" in line for line in near), key
