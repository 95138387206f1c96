"""What hosts are asked, before planning and before a saved plan is performed."""

from tests.cases.case import CASES, planned
from theseus.core.config import Partition, PlainHost, SlurmHost
from theseus.core.inquiry import inquiry_of, inquiry_of_target
from theseus.core.probes import PLAIN, plain_snapshot
from theseus.core.slurm_probes import slurm_snapshot


def test_plain() -> None:
    """A plain host is asked for its GPUs, CPUs, memory and tools."""
    asked = inquiry_of(PlainHost("lab", ssh="box"))
    assert asked.commands == tuple(probe.argv for probe in PLAIN)
    assert asked.read is plain_snapshot
    assert inquiry_of_target(planned(CASES / "gpu-pinned").unwrap().target) == asked


def test_slurm() -> None:
    """A cluster is asked about the partitions of the config, each once."""
    gpu, cpu = Partition("gpu"), Partition("cpu")
    asked = inquiry_of(SlurmHost("hpc", (gpu, cpu), ssh="login", cpu_partitions=(cpu,)))
    assert "gpu,cpu" in asked.commands[0]
    assert asked.read is slurm_snapshot
    target = planned(CASES / "slurm-fits").unwrap().target
    assert "gpu" in inquiry_of_target(target).commands[0]
