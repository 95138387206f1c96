"""The table of hosts: every host of the config, with what it said."""

from attrs import evolve

from tests.cases.case import CASES, inventory
from theseus.core.config.config import DispatchConfig
from theseus.core.inventory.hosts_table import HostRow, host_rows, render_hosts
from theseus.core.inventory.inventory import Inventory, SlurmSnapshot
from theseus.effects.reading.load import load_config


def config(case: str) -> DispatchConfig:
    """The config of a case."""
    return load_config(str(CASES / case / "dispatch.yaml")).unwrap()


def rows(case: str) -> tuple[HostRow, ...]:
    """The rows of a case's hosts."""
    return host_rows(config(case), inventory(CASES / case))


def test_plain() -> None:
    """Each kind of chip is a row: how many are free, of how many, and what caps them."""
    (row,) = rows("reject-too-few-free")
    assert (row.chip, row.free, row.total, row.shapes) == ("h100", 5, 8, "5/8")
    assert row.limits == "512 GiB free, 64 CPUs"
    (capped,) = rows("reject-capped")
    assert capped.limits.endswith(", at most 2")
    (without,) = rows("reject-driver-broken")
    assert (without.chip, without.total) == (None, 0)
    assert without.state.startswith("up; nvidia-smi: Failed")


def test_leases() -> None:
    """Who has leased GPUs is said, and how many runs wait for some."""
    (row,) = rows("queue-waits")
    assert (row.free, row.total) == (1, 3)
    assert row.state == "up; 2 leased by ada (run 20251231-235959-k7f2qx); 1 run waiting"


def test_no_answer() -> None:
    """A host that did not answer, or was not asked, is in the table and says so."""
    (row,) = rows("reject-no-answer")
    assert not row.reachable
    assert row.state == "unreachable: did not answer within 30 s"
    (unasked,) = host_rows(config("gpu-pinned"), Inventory())
    assert (unasked.reachable, unasked.state) == (True, "not asked")


def test_slurm() -> None:
    """Each chip in a partition is a row, by the config's name of the GRES type."""
    (row,) = rows("slurm-fragmented")
    assert (row.partition, row.chip, row.free, row.total) == ("gpu", "h100", 11, 16)
    assert row.shapes == "2 x 8: 11/16 (6 on one)"
    assert row.limits == "time 2-00:00:00, 2 waiting"
    assert row.state == "2 available"


def test_slurm_of_several_kinds() -> None:
    """Types without a name in the config stand as they are, CPUs and missing partitions too."""
    chips = [row.chip for row in rows("slurm-generic")]
    assert chips == ["a100", "h100"]
    (untyped,) = rows("slurm-untyped")
    assert untyped.chip == "l4"
    cpus = {row.partition: row.shapes for row in rows("slurm-cpu-partitions")}
    assert cpus["cpu"] == "1 x 64 CPUs: 64/64 (64 on one)"
    (missing,) = rows("slurm-reject-no-partition")
    assert missing.state == "no such partition"


def test_slurm_limits() -> None:
    """What limits a partition is said."""
    assert rows("slurm-reject-closed")[0].limits == "closed"
    assert rows("slurm-reject-group")[0].limits == "for the group staff or wheel alone"
    assert rows("slurm-reject-node-limit")[0].limits == "nodes 1"
    assert rows("slurm-preempt-requeue")[0].limits == "preempt requeue"
    found = inventory(CASES / "slurm-fits").of("login")
    assert isinstance(found, SlurmSnapshot)
    (partition,) = found.partitions
    larger = evolve(found, partitions=(evolve(partition, min_nodes=2),))
    (row,) = host_rows(config("slurm-fits"), Inventory({"login": larger}))
    assert row.limits == "at least 2 nodes"
    (down,) = rows("slurm-odd-states")
    assert (down.free, down.total) == (0, 40)


def test_wrong_kind() -> None:
    """A SLURM cluster's answer under the name of a plain host has no partitions to show."""
    found = inventory(CASES / "slurm-fits").of("login")
    assert host_rows(config("gpu-pinned"), Inventory({"box": found})) == ()


def test_text() -> None:
    """The table has a head and a row for each."""
    text = render_hosts(rows("slurm-fragmented"))
    assert text.splitlines()[0].split() == [
        *("HOST", "PARTITION", "CHIP", "FREE/TOTAL", "STATE", "LIMITS")
    ]
    assert len(text.splitlines()) == 2
