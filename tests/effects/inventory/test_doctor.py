"""Doctor: a host on which something hangs is examined no further, and what hangs is named."""

import asyncio
from pathlib import Path

import pytest

from theseus.core.config.config import ClusterConfig, DispatchConfig, PlainHost
from theseus.effects.inventory import doctor


@pytest.mark.slow
def test_hanging_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that does not end is named."""
    monkeypatch.setattr(doctor, "DEADLINE", 2.0)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 61.7\n")
    program.chmod(0o755)
    clusters = {"hpc": ClusterConfig(root="/r", work="/w")}
    config = DispatchConfig(clusters, {"here": PlainHost("hpc")}, ("here",))
    (health,) = asyncio.run(doctor.examine(config, ["here"], deep=False))
    said = " ".join(check.found for check in health.checks)
    assert "did not answer within 2 s: `nvidia-smi" in said
