"""What hosts are asked, before planning and before a saved plan is performed."""

from attrs import evolve

from tests.cases.case import CASES, planned
from theseus.core.config.config import DEFAULT_LEASES, Partition, PlainHost, SlurmHost
from theseus.core.inventory.probes import plain_probes, plain_snapshot
from theseus.core.inventory.slurm_probes import slurm_snapshot
from theseus.core.plan.inquiry import inquiry_of, inquiry_of_plan
from theseus.core.text.shell import command_line


def test_plain() -> None:
    """A plain host is asked for its GPUs, CPUs, memory, tools and leases."""
    asked = inquiry_of(PlainHost("lab", ssh="box"))
    assert asked.commands == tuple(probe.argv for probe in plain_probes(DEFAULT_LEASES))
    assert asked.read is plain_snapshot
    for name in ("gpu-pinned", "mode-cpu-without-gpus"):
        plan = planned(CASES / name).unwrap()
        assert inquiry_of_plan(plan) == evolve(asked, share=plan.paths.share)
    elsewhere = inquiry_of_plan(planned(CASES / "lease-directory").unwrap())
    assert elsewhere.commands[-1][-1] == "/srv/leases"


def test_lines() -> None:
    """Where a share is named, the last line asks what lies in it."""
    asked = inquiry_of(PlainHost("lab", ssh="box"))
    assert asked.lines == tuple(command_line(argv) for argv in asked.commands)
    assert evolve(asked, share="/s").lines == (*asked.lines, "shelf /s")


def test_slurm() -> None:
    """A cluster is asked about the partitions of the config, each once."""
    gpu, cpu = Partition("gpu"), Partition("cpu")
    asked = inquiry_of(SlurmHost("hpc", (gpu, cpu), ssh="login", cpu_partitions=(cpu,)))
    assert "gpu,cpu" in asked.commands[0]
    assert asked.read is slurm_snapshot
    assert "gpu" in inquiry_of_plan(planned(CASES / "slurm-fits").unwrap()).commands[0]
