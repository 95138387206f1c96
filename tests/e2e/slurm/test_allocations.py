"""What runs get on a cluster: GPUs on one node and on two, any GPUs, CPUs, certain nodes."""

import json
import re

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

ASK = 'echo "I am $RANK of $WORLD_SIZE on $(hostname) with <$CUDA_VISIBLE_DEVICES>"\n'
ALL = ",".join(map(str, range(8)))
REGISTERED = """\
import json, os
from theseus.registry import job

@job("show")
def show(cfg, spec):
    hardware = spec.hardware
    seen = {
        "chip": hardware.chip and hardware.chip.name,
        "total": hardware.total_chips,
        "hosts": [host.name for host in hardware.hosts],
        "resources": [list(host.resources.values()) for host in hardware.hosts],
        "distributed": spec.distributed,
        "devices": spec.topology.device_count,
        "process": [spec.topology.process_index, spec.topology.process_count],
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "master": os.environ["MASTER_ADDR"],
    }
    print(json.dumps(seen), flush=True)
    spec.result_path("main" if spec.is_main else "other").touch()
"""


def allocated(at: ClusterDesk, *words: str) -> dict[str, str]:
    """What squeue and scontrol say of the run that *words* submit, once it has completed."""
    run = at.submit(*words)
    assert run.outcome()["state"] == "completed", run.log
    names = ("Partition", "NodeList", "TresPerNode")
    return {name: value for name in names if (value := run.told(name)) is not None}


def test_one_gpu(at: ClusterDesk) -> None:
    """One GPU is leased by SLURM, and the job sees it and no other."""
    at.job(ASK)
    finished = at.follow("--chip", "h100", "-n", "1")
    assert finished.status == 0, finished.out + finished.err
    assert re.search(r"I am 0 of 1 on gpu[12] with <0>\n", finished.out)
    run = at.only_run()
    assert run.told("TresPerNode") == "gres:gpu:h100_80gb:1"
    assert run.metadata["state"] == "completed"
    assert finished.err.endswith(f"results: {run.path('results')}\n")


def test_whole_node(at: ClusterDesk) -> None:
    """Eight GPUs are those of one node, though four are free on each of two others."""
    at.cluster.fill("gpu1", 4)
    at.job(ASK)
    finished = at.follow("--chip", "h100", "-n", "8")
    assert f"I am 0 of 1 on gpu2 with <{ALL}>\n" in finished.out


def test_two_whole_nodes(at: ClusterDesk) -> None:
    """Sixteen GPUs are two nodes of eight; both take part in the one run, which ends once."""
    at.desk.write("jobs.py", REGISTERED)
    at.desk.write("pyproject.toml", '[tool.theseus]\njobs = ["jobs"]\n')
    at.desk.write("train.yaml", "job: show\nrequest: {chip: h100, min_chips: 16}\n")
    at.desk.commit()
    finished = at.follow()
    assert finished.status == 0, finished.out + finished.err
    seen = [json.loads(line) for line in finished.out.splitlines() if line.startswith("{")]
    both = {
        "chip": "h100",
        "total": 16,
        "hosts": ["gpu1", "gpu2"],
        "resources": [[8], [8]],
        "distributed": True,
        "devices": 16,
        "gpus": ALL,
        "master": "gpu1",
    }
    assert sorted(seen, key=lambda each: str(each["process"])) == [
        {**both, "process": [0, 2]},
        {**both, "process": [1, 2]},
    ]
    run = at.only_run()
    assert [path.name for path in sorted(run.path("results").iterdir())] == ["main", "other"]
    assert len(list((at.storage / "root").rglob("metadata.json"))) == 1
    assert [path.parent for path in at.storage.rglob("outcome.json")] == [run.run_dir]
    assert run.metadata["hardware"]["hosts"] == ["gpu1", "gpu2"]
    assert not run.path("work").exists(), "nothing but the shipped tree was in it"


def test_each_node_unpacks_into_scratch(at: ClusterDesk) -> None:
    """Where the work directory is another one on every node, each node unpacks for itself."""
    shared = {"share": str(at.runs.parent), "log": f"{at.storage}/logs"}
    at.configure(cluster={"work": f"{at.cluster.scratch}/work", **shared})
    at.job(f"{ASK}ls job.sh && touch left-$(hostname)\n")
    run = at.submit("-n", "16", "--chip", "a100-sxm4-80gb", "--nodes", "2")
    assert run.outcome()["state"] == "completed"
    for node in ("gpu3", "gpu4"):
        work = at.cluster.scratch_of(node) / run.path("work").relative_to(at.cluster.scratch)
        assert (work / f"left-{node}").exists(), run.log
        assert sorted(path.name for path in work.glob("left-*")) == [f"left-{node}"]


def test_any_gpus(at: ClusterDesk) -> None:
    """A request without a chip gets GPUs of one kind, the kind of which most are free."""
    at.cluster.fill("gpu1", 8)
    at.job(ASK)
    got = allocated(at, "-n", "2")
    assert got["TresPerNode"] == "gres:gpu:a100_80g:2"


def test_cpus_alone(at: ClusterDesk) -> None:
    """A CPU job goes to the partition for CPUs, asks for no GRES and sees no GPU."""
    at.job(ASK)
    finished = at.follow("--cpus", "3", "--mem", "2G")
    assert re.search(r"I am 0 of 1 on cpu[12] with <>\n", finished.out)
    run = at.only_run()
    assert run.told("TresPerNode") is None
    assert run.told("MinMemoryNode") == "2G"
    assert run.told("CPUs/Task") == "3"
    assert run.told("Partition") == "cpu"


def test_cpus_of_gpu_nodes(at: ClusterDesk) -> None:
    """Without `cpu_partitions` a CPU job goes to the usual ones, and still asks for no GRES."""
    at.configure({"cpu_partitions": []})
    at.job(ASK)
    got = allocated(at)
    assert (got["Partition"], "TresPerNode" in got) == ("gpu", False)


@pytest.mark.parametrize(
    ("host", "words", "node"),
    [
        ({"exclude": ["gpu[1,3-4]"]}, ("--chip", "h100"), "gpu2"),
        ({"constraint": "sm80&a100", "exclude": ["gpu3"]}, (), "gpu4"),
        ({"partitions": [{"name": "gpu", "constraint": "sm90"}], "exclude": ["gpu2"]}, (), "gpu1"),
    ],
    ids=["exclude", "constraint", "constraint-of-partition"],
)
def test_certain_nodes(
    at: ClusterDesk, host: dict[str, object], words: tuple[str, ...], node: str
) -> None:
    """Excluded nodes and those that lack a feature are not used."""
    at.configure(host)
    at.job(ASK)
    assert allocated(at, "-n", "1", *words)["NodeList"] == node


def test_second_host(at: ClusterDesk) -> None:
    """Where the first host is full, the second is taken; the trace says why."""
    second = at.host(partitions=["gpu-preempt"], exclude=["gpu[1-2]"])
    first = at.host(partitions=["gpu"], exclude=["gpu[3-4]"])
    at.configure(hosts={"first": first, "second": second}, priority=["first", "second"])
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    at.job(ASK)
    finished = at.follow("-n", "8")
    assert re.search(r"I am 0 of 1 on gpu[34] with", finished.out), finished.err
    trace = [(line["host"], line["verdict"]) for line in at.only_run().plan["trace"]]
    assert trace == [("first", "busy"), ("second", "chosen")]
    assert "gpu-preempt may preempt the run: it is requeued" in finished.err
