"""Probes: what the tools of a plain host print, as a snapshot."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_string
from theseus.core.inventory.inventory import (
    Gpu,
    Lease,
    PlainSnapshot,
    Tools,
    Unreachable,
    WaitingRun,
)
from theseus.core.inventory.probes import (
    Answer,
    plain_probes,
    plain_snapshot,
)

RECORDED = Path(__file__).parents[2] / "base"
MISSING = Answer(127, "")
NAMES = ("nvidia", "mig", "held", "rocm", "cpus", "memory", "tools", "leases")
SAID: Mapping[str, Answer] = {
    **dict.fromkeys(NAMES, MISSING),
    "cpus": Answer(0, "64\n"),
    "memory": Answer(0, "MemTotal:  2048 kB\nMemAvailable:   1024 kB\n"),
    "tools": Answer(0, "uv\ngit\npython3 3.11.2\n"),
}


def snapshot(**said: Answer) -> PlainSnapshot:
    """The snapshot of a host that says this, and what any host says besides."""
    found = plain_snapshot(answers(**said))
    assert isinstance(found, PlainSnapshot)
    return found


def answers(**said: Answer) -> tuple[Answer, ...]:
    """The answers to all probes."""
    whole = {**SAID, **said}
    assert len(plain_probes("/leases")) == len(NAMES)
    return tuple(whole[name] for name in NAMES)


def recorded(case: str, *, status: int = 0) -> dict[str, Answer]:
    """What nvidia-smi said on a real machine."""
    folder = RECORDED / "nvidia-smi" / case
    return {
        "nvidia": Answer(status, (folder / "query.csv").read_text()),
        "mig": Answer(status, (folder / "list.txt").read_text()),
    }


UUIDS = tuple(gpu.uuid for gpu in snapshot(**recorded("two-kinds")).gpus)


def test_host_without_gpus() -> None:
    """A tool that is missing is a fact, and no failure."""
    assert snapshot() == PlainSnapshot(
        (), 64, 2**20, Tools(uv=True, git=True, zstd=False, python="3.11.2")
    )


def test_eight_gpus() -> None:
    """GPUs are known by uuid, chip and memory."""
    found = snapshot(**recorded("eight-gpus"))
    assert len(found.gpus) == 8
    assert len({gpu.uuid for gpu in found.gpus}) == 8
    assert {gpu.chip for gpu in found.gpus} == {"a100-sxm4-80gb"}
    assert all(gpu.memory > 70 * 2**30 for gpu in found.gpus)


def test_unknown_card() -> None:
    """A GPU that theseus does not know keeps its name."""
    (gpu, *_) = snapshot(**recorded("unknown-card")).gpus
    assert gpu.chip is None
    assert gpu.name


def test_no_devices() -> None:
    """A driver without devices is no broken driver, whatever status it ends with."""
    found = snapshot(**recorded("none", status=6))
    assert (found.gpus, found.broken) == ((), None)


def test_driver_error() -> None:
    """A driver that complains is said, and its devices are not counted."""
    found = snapshot(**recorded("driver-error", status=9))
    assert found.gpus == ()
    assert (found.broken or "").startswith("nvidia-smi: NVIDIA-SMI has failed")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (Answer(3, "\n"), "nvidia-smi: it ended with status 3"),
        (Answer(0, "nonsense"), "nvidia-smi: nvidia-smi answered: nonsense"),
    ],
)
def test_nonsense(answer: Answer, complaint: str) -> None:
    """A tool that ends badly or answers nonsense is said."""
    assert snapshot(nvidia=answer).broken == complaint
    assert snapshot(rocm=Answer(0, '{"card0": 1, "card1": []}')).gpus == ()


@pytest.mark.parametrize("word", ["[GPU requires reset]", "[Unknown Error]", "ERR!"])
@pytest.mark.parametrize("field", [1, 2, 3, 4])
def test_faulty_gpu(word: str, field: int) -> None:
    """A GPU of which the driver tells an error is not there, and it is said; the others are."""
    said = recorded("two-kinds")
    first, *others = said["nvidia"].output.splitlines()
    fields = first.split(", ")
    fields[field] = word
    answer = Answer(0, "\n".join((", ".join(fields), *others)))
    found = snapshot(nvidia=answer, mig=said["mig"])
    assert [gpu.uuid for gpu in found.gpus] == [UUIDS[1]]
    assert (found.broken, found.faults) == (None, (f"nvidia-smi: GPU 0: {word}",))


def test_divided_gpu() -> None:
    """A GPU that is divided into instances cannot be had whole."""
    found = snapshot(**recorded("mig"))
    assert [gpu.busy for gpu in found.gpus] == [True, False]
    assert [gpu.divided for gpu in found.gpus] == [True, False]


def test_leases() -> None:
    """A leased GPU is busy, and who waits for one is known; a driver says nothing of that."""
    one, other = UUIDS
    said = f"""\
{one}.lease {{"user": "ada", "run": "r1"}}
ticket-12 {{"user": "bob", "run": "r3", "gpus": ["{other}"]}}
ticket-3 {{"user": "eve", "run": "r2", "gpus": ["{one}", "{other}"]}}
ticket-4 {{"user": "eve", "run": "r4", "gpus": ["chip-7"]}}
"""
    found = snapshot(**recorded("two-kinds"), leases=Answer(0, said))
    assert [(gpu.busy, gpu.lease) for gpu in found.gpus] == [
        (True, Lease("ada", "r1")),
        (False, None),
    ]
    assert found.waiting == (
        WaitingRun(Lease("eve", "r2"), (one, other)),
        WaitingRun(Lease("bob", "r3"), (other,)),
    )


@pytest.mark.parametrize(
    ("said", "user"),
    [
        ("", "someone"),
        ("no json", "someone"),
        ("[1]", "someone"),
        ('{"user": 7}', "someone"),
        ('{"user": "\\u001b[2Jada\\n"}', "[2Jada"),
        ('{"user": "' + "a" * 900 + '"}', "a" * 64),
        ("[" * 100000, "someone"),
    ],
)
def test_hearsay(said: str, user: str) -> None:
    """What stands in a lease file was written by anybody: a lock counts, text is only shown."""
    found = snapshot(**recorded("two-kinds"), leases=Answer(0, f"{UUIDS[0]}.lease {said}\n"))
    assert found.gpus[0].lease == Lease(user, "unknown")


def test_foreign_tickets() -> None:
    """A ticket without a number, or that names no GPU, is none."""
    names = ("ticket-", "ticket-x", f"ticket-{'9' * 20}", "ticket-1", "unknown")
    said = "".join(f'{name} {{"gpus": "{UUIDS[0]}"}}\n' for name in names)
    assert snapshot(**recorded("two-kinds"), leases=Answer(0, said)).waiting == ()


@pytest.mark.parametrize(
    ("held", "busy"),
    [
        ("", [False, False]),
        (f"{UUIDS[0]}, 2000\n", [False, False]),
        (f"{UUIDS[0]}, 2000\n{UUIDS[0]}, 500\n", [True, False]),
        (f"{UUIDS[1]}, [N/A]\n", [False, True]),
        ("No running processes found\n", [False, False]),
    ],
)
def test_busy_by_processes(held: str, busy: list[bool]) -> None:
    """A GPU is busy when compute processes hold a tenth of it; hidden use counts as all of it."""
    found = snapshot(**recorded("two-kinds"), held=Answer(0, held))
    assert [gpu.busy for gpu in found.gpus] == busy


def test_unified_memory() -> None:
    """A GPU without memory of its own is busy as soon as a process holds any."""
    free = snapshot(**recorded("unified-memory"))
    assert [(gpu.memory, gpu.busy) for gpu in free.gpus] == [(0, False)]
    held = Answer(0, f"{free.gpus[0].uuid}, 100\n")
    assert snapshot(**recorded("unified-memory"), held=held).gpus[0].busy


def test_amd() -> None:
    """AMD's GPUs have the same shape; what of their memory is used says whether they are busy."""
    text = (RECORDED / "rocm-smi" / "mi300x.json").read_text()
    found = snapshot(rocm=Answer(0, text))
    assert {gpu.chip for gpu in found.gpus} == {"mi300x"}
    assert not any(gpu.busy for gpu in found.gpus)
    full = text.replace("297721856", "200000000000")
    assert all(gpu.busy for gpu in snapshot(rocm=Answer(0, full)).gpus)


def test_amd_beside_a_broken_driver() -> None:
    """What one tool lists counts, though another complains."""
    text = (RECORDED / "rocm-smi" / "mi300x.json").read_text()
    found = snapshot(nvidia=Answer(9, "driver mismatch"), rocm=Answer(0, text))
    assert found.gpus
    assert found.broken == "nvidia-smi: driver mismatch"
    assert snapshot(rocm=Answer(2, "no permission")).broken == "rocm-smi: no permission"


@pytest.mark.parametrize(
    "said",
    [{"cpus": Answer(127, "")}, {"memory": Answer(0, "MemFree: 1 kB\n")}, {"cpus": Answer(0, "x")}],
)
def test_no_usable_answer(said: dict[str, Answer]) -> None:
    """A host that cannot say how many CPUs and how much memory it has gave no usable answer."""
    assert isinstance(plain_snapshot(answers(**said)), Unreachable)


@given(st.lists(st.builds(Answer, st.integers(0, 255), any_string), min_size=8, max_size=8))
def test_anything(said: list[Answer]) -> None:
    """Whatever a host says, a snapshot comes of it: nothing is raised."""
    assert isinstance(plain_snapshot(tuple(said)), PlainSnapshot | Unreachable)


def test_gpu_without_uuid() -> None:
    """A GPU without a uuid is known by its index."""
    (gpu,) = snapshot(nvidia=Answer(0, "3, , NVIDIA L4, 23034, 1\n")).gpus
    assert gpu == Gpu("3", "NVIDIA L4", "l4", 23034 * 2**20, busy=False)
