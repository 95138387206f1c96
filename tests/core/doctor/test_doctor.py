"""What a host answers is judged: fit, fit with a warning, or not fit, and what to do about it."""

from collections.abc import Iterable

import pytest

from theseus.base.hardware import Cluster
from theseus.core.config.config import Partition, PlainHost, SlurmHost
from theseus.core.doctor.doctor import (
    Answers,
    Check,
    Examination,
    HostHealth,
    judged,
    not_reached,
    passed,
    reached,
    render_health,
)
from theseus.core.doctor.doctor_machine import clock_check, machine_examinations, plain_examinations
from theseus.core.doctor.doctor_slurm import slurm_examinations
from theseus.core.inventory.probes import Answer
from theseus.core.plan.outcome import HostUnreachable

CLUSTER = Cluster("lab", root="/store", work="~/work")
SILENT = Answer(0, "")
TOOLS = """\
bash 5.2.15(1)-release
setsid
tar
gzip
grep
sed
mktemp
uv uv 0.9.1
git git version 2.39.5
zstd *** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***
python Python 3.8.2
python Python 3.12.1
"""
SPACE = "/dev/sda1 100000000 20000000 80000000 20% /"
PLACES = {"share": "~/work/.dispatch", "work": "~/work", "root": "/store", "log": "~/work/logs"}
HEALTHY = (
    SILENT,
    Answer(0, TOOLS),
    *(
        Answer(0, f"{path.replace('~', '/home/ada')}\n750\n{SPACE}\ntheseus\n")
        for path in PLACES.values()
    ),
    Answer(127, "", "quota: not found"),
)


def machine(**changed: Answer) -> dict[str, Check]:
    """The checks of a healthy machine, but for the answers that have *changed*."""
    at = {"login": 0, "tools": 1, "share": 2, "work": 3, "root": 4, "log": 5, "quota": 6}
    answers = list(HEALTHY)
    for name, answer in changed.items():
        answers[at[name]] = answer
    return by_name(judged(machine_examinations(CLUSTER), tuple(answers)))


def by_name(checks: Iterable[Check]) -> dict[str, Check]:
    """*checks* by their names."""
    return {check.name: check for check in checks}


def test_healthy_machine() -> None:
    """A machine with all there is passes everything, and nothing is advised."""
    checks = machine()
    assert {check.result for check in checks.values()} == {"PASS"}
    assert not any(check.advice for check in checks.values())
    assert {name: checks[name].found for name in ("bash", "uv", "git", "zstd", "python")} == {
        "bash": "5.2.15",
        "uv": "0.9.1",
        "git": "2.39.5",
        "zstd": "1.5.4",
        "python": "3.12.1",
    }
    assert checks["share"].found == "~/work/.dispatch, 76.3 GiB free, writable"


def test_login_files() -> None:
    """Login files that print or fail are a warning: theseus copes, other programs do not."""
    noisy = machine(login=Answer(0, "Welcome!\n\nto the cluster\n"))["login files"]
    assert (noisy.result, noisy.found) == ("WARN", "they print 2 lines")
    broken = machine(login=Answer(3, ""))["login files"]
    assert (broken.result, broken.found) == ("WARN", "the login shell ended with status 3")


def test_missing_tools() -> None:
    """What bootstrap needs must be there; what it can do without is a warning."""
    bare = machine(tools=Answer(0, "bash 4.1.2\nsetsid\n"))
    assert bare["bash"].result == "FAIL"
    assert bare["tools"].found == "missing: tar, gzip, grep, sed, mktemp"
    assert [bare[tool].result for tool in ("uv", "git", "zstd")] == ["WARN"] * 3
    assert bare["python"].result == "FAIL"
    assert machine(tools=Answer(0, ""))["bash"].found == "none"
    old = machine(tools=Answer(0, "uv uv 0.9.1\npython Python 3.6.8\n"))["python"]
    assert (old.result, old.found) == ("WARN", "3.6.8")


@pytest.mark.parametrize(
    ("answer", "result", "found"),
    [
        (
            Answer(1, f"/home/ada\n755\n{SPACE}\n", "mktemp: failed …: Permission denied"),
            "FAIL",
            "~/work/.dispatch (to be made in /home/ada): Permission denied",
        ),
        (Answer(1, ""), "FAIL", "~/work/.dispatch (to be made in ): it cannot be looked at"),
        (
            Answer(0, f"/home/ada/work/.dispatch\n777\n{SPACE}\ntheseus\n"),
            "FAIL",
            "~/work/.dispatch can be written to by everybody",
        ),
        (
            Answer(0, f"/home/ada\n1777\n{SPACE}\ntheseus\n"),
            "PASS",
            "~/work/.dispatch (to be made in /home/ada), 76.3 GiB free, writable",
        ),
        (
            Answer(0, "/home/ada/work/.dispatch\n-\n/dev/sda1 9 9 100000 99% /\ntheseus\n"),
            "FAIL",
            "~/work/.dispatch, 97.7 MiB free",
        ),
        (
            Answer(0, "/home/ada/work/.dispatch\n750\n/dev/sda1 9 9 1000000 99% /\ntheseus\n"),
            "WARN",
            "~/work/.dispatch, 976.6 MiB free",
        ),
        (
            Answer(0, "/home/ada/work/.dispatch\n750\nfull\ntheseus\n"),
            "PASS",
            "~/work/.dispatch, writable",
        ),
    ],
)
def test_places(answer: Answer, result: str, found: str) -> None:
    """A place must be writable, closed to others where runs are executed, and have room."""
    check = machine(share=answer)["share"]
    assert (check.result, check.found) == (result, found)


def test_open_to_others_elsewhere() -> None:
    """Where nothing is executed, a place may be open."""
    check = machine(root=Answer(0, f"/store\n777\n{SPACE}\ntheseus\n"))["root"]
    assert check.result == "PASS"


def test_quota() -> None:
    """A quota that is used up is a warning; where there are none, nothing is said."""
    head = "Disk quotas for user ada (uid 1000):\n     Filesystem  blocks   quota\n"
    assert "quota" not in machine()
    assert machine(quota=Answer(0, f"{head}/home 10 20\n"))["quota"].result == "PASS"
    over = machine(quota=Answer(1, f"{head}/home 2000* 1000\n"))["quota"]
    assert (over.result, over.found) == ("WARN", "used up on /home")


def test_clock() -> None:
    """A clock may be off by what nobody notices; the time the answer took is no difference."""
    assert clock_check("1000\n", 998.0, 1003.0).result == "PASS"
    assert clock_check("1000\n", 980.0, 981.0).result == "PASS"
    fast = clock_check("1100\n", 980.0, 981.0)
    assert (fast.result, fast.found) == ("WARN", "119 s apart from this machine's")
    assert clock_check("900\n", 1000.0, 1001.0).found == "99 s apart from this machine's"
    assert clock_check("noon", 0.0, 1.0).result == "WARN"


NVIDIA = "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 4\n"
MEMINFO = "MemAvailable:   1000000 kB\n"


def plain(gpus: Answer, linger: str = "", memory: str = MEMINFO, **chips: int) -> dict[str, Check]:
    """The checks of a plain host with *chips* in the config."""
    missing = Answer(127, "")
    answers = (gpus, SILENT, SILENT, missing, Answer(0, "8\n"), Answer(0, memory), SILENT, SILENT)
    host = PlainHost("lab", ssh="box", chips=chips or None)
    return by_name(judged(plain_examinations(host), (*answers, Answer(0, linger))))


def test_gpus() -> None:
    """GPUs are listed; those of the config must be there, and the driver must be able to tell."""
    assert plain(Answer(127, ""))["GPUs"] == passed("GPUs", "none")
    assert plain(Answer(0, NVIDIA), h100=8, cpu=1)["GPUs"] == passed("GPUs", "1 x h100")
    other = plain(Answer(0, NVIDIA), a40=1, h100=0)["GPUs"]
    assert (other.result, other.found) == ("FAIL", "1 x h100; the config has a40")
    broken = plain(Answer(18, "Failed to initialize NVML"))["GPUs"]
    assert (broken.result, broken.found) == ("FAIL", "nvidia-smi: Failed to initialize NVML")
    faulty = plain(Answer(0, NVIDIA.replace("81559", "[GPU requires reset]")))["GPUs"]
    assert (faulty.result, faulty.found) == ("FAIL", "nvidia-smi: GPU 0: [GPU requires reset]")
    assert plain(SILENT, memory="")["hardware"].result == "FAIL"


def test_logout() -> None:
    """Where logout ends all processes, runs do not survive it, unless the user lingers."""
    assert plain(SILENT)["logout"].result == "PASS"
    assert plain(SILENT, "KillUserProcesses=no\nLinger=no\n")["logout"].result == "PASS"
    assert plain(SILENT, "KillUserProcesses=yes\nLinger=yes\n")["logout"].result == "PASS"
    killed = plain(SILENT, "KillUserProcesses=yes\nLinger=no\n")["logout"]
    assert killed.result == "FAIL"
    assert "loginctl enable-linger" in killed.advice


NODES = (
    "n1|gpu*|gpu:h100_80gb:8(S:0-1)|gpu:h100_80gb:0|idle|0/64/0/64|512000|0|(null)|\n"
    "n2|old|gpu:4|gpu:0|idle|0/64/0/64|512000|0|(null)|\n"
    "n3|odd|gpu:weird:2|gpu:weird:0|idle|0/64/0/64|512000|0|(null)|\n"
)
PARTITIONS = (
    "PartitionName=gpu AllowAccounts=ml,cv AllowQos=ALL State=UP\n"
    "PartitionName=old AllowAccounts=ALL DenyQos=high State=UP\n"
    "PartitionName=odd State=DOWN\n"
)


def slurm(
    host: SlurmHost, mapping: dict[str, str] | None = None, **said: str | Answer
) -> dict[str, Check]:
    """The checks of a login node, of whose answers some are *said* otherwise."""
    answers: dict[str, str | Answer] = {
        "nodes": NODES,
        "partitions": PARTITIONS,
        "pending": "",
        "version": "slurm-wlm 22.05.8\n",
        "names": "gpu\nold\nodd\n",
        "accounting": "accounting_storage/slurmdbd\n",
        "associations": "ml|normal\ncv|normal\n",
        **said,
    }
    examinations = slurm_examinations(host, mapping or {}, CLUSTER, deep="deep" in said)
    given = (Answer(0, each) if isinstance(each, str) else each for each in answers.values())
    return by_name(judged(examinations, tuple(given)))


def login(*partitions: Partition, **keys: object) -> SlurmHost:
    """A login node with *partitions*."""
    return SlurmHost("lab", partitions or (Partition("gpu"),), ssh="hpc", **keys)  # type: ignore[arg-type]  # keys of any type


def test_healthy_slurm() -> None:
    """A site that is as the config says passes everything."""
    host = login(account="ml", gres_mapping={"h100": "h100_80gb"})
    checks = slurm(host, {"h100": "gpu:h100_80gb", "a40": "weird"})
    assert {check.result for check in checks.values()} == {"PASS"}
    assert checks["slurm"].found == "22.05.8"
    assert checks["partition gpu"].found == "up, 1 node"
    assert checks["GRES h100"].found == "gpu:h100_80gb"
    assert checks["accounting"].found == "accounting_storage/slurmdbd"


def test_no_slurm() -> None:
    """Where SLURM does not answer, that is the one thing that is said of it."""
    checks = slurm(login(), nodes=Answer(127, ""), accounting="")
    assert list(checks) == ["slurm"]
    assert checks["slurm"].result == "FAIL"


def test_versions() -> None:
    """A version nobody has tried is a warning."""
    assert slurm(login(), version="slurm 18.08.7")["slurm"].result == "WARN"
    assert slurm(login(), version="")["slurm"].result == "PASS"


def test_partitions() -> None:
    """Partitions of the config must exist and admit the account; closed ones are a warning."""
    host = login(Partition("gpu"), Partition("odd"), Partition("gpi"), account="bio")
    checks = slurm(host)
    assert checks["partition gpi"].result == "FAIL"
    assert "did you mean 'gpu'?" in checks["partition gpi"].advice
    assert checks["partition odd"].result == "WARN"
    assert checks["partition gpu"].found == "it does not admit the account bio"
    assert checks["partition gpu"].advice == "allowed are ml, cv"
    assert checks["account"].found == "you have no account bio"
    others = "PartitionName=gpu AllowGroups=staff,wheel State=UP\ngroups users\n"
    assert (
        slurm(login(), partitions=others)["partition gpu"].found
        == "it is for the group staff or wheel"
    )
    denied = slurm(login(Partition("old"), qos="high"))["partition old"]
    assert (denied.result, denied.advice) == ("FAIL", "set another qos")


def test_gres() -> None:
    """Labels of the config must be on a node; types without a chip are found by few runs."""
    host = login(Partition("gpu"), Partition("old", chip="v100"), gres_mapping={"a40": "a40_48"})
    chips = {"h100": 8, "v100": 4, "cpu": 1}
    host = login(*host.partitions, gres_mapping=host.gres_mapping, chips=chips)
    checks = slurm(host, {"a40": "a40_48"})
    assert checks["GRES a40"].found == "no node has gpu:a40_48"
    assert checks["GRES a40"].advice.endswith("the nodes have h100_80gb, weird")
    assert checks["GRES h100"].result == "FAIL"
    assert checks["GRES v100"].found == "gpu, untyped"
    assert "GRES cpu" not in checks
    assert checks["GRES"].found == "no chip is mapped to h100_80gb, weird"
    untyped = slurm(host, nodes=NODES.splitlines()[1])["GRES a40"]
    assert untyped.advice.endswith("the nodes name no types")


def test_accounting() -> None:
    """Without accounting less is known of jobs that are gone."""
    assert slurm(login(), accounting="accounting_storage/none\n")["accounting"].result == "WARN"
    assert slurm(login(), accounting="(null)\n")["accounting"].result == "WARN"
    assert "account" not in slurm(login(account="bio"), associations="")


def test_compute_node() -> None:
    """With a deep examination a compute node looks at the share, under account and qos."""
    host = login(account="ml", qos="high", sbatch=("--reservation=x",))
    *_, examination = slurm_examinations(host, {}, CLUSTER, deep=True)
    (command,) = examination.commands
    assert command[5:7] == ("~/work/.dispatch", "srun")
    assert {"--partition=gpu", "--account=ml", "--qos=high", "--reservation=x"} <= set(command)
    seen = slurm(login(), deep="n1\n")["compute node"]
    assert seen == passed("compute node", "n1 reads and writes ~/work/.dispatch")
    unseen = slurm(login(), deep=Answer(1, "n1\n", "no such file\n"))["compute node"]
    assert (unseen.result, unseen.found) == (
        "FAIL",
        "n1 does not see ~/work/.dispatch: no such file",
    )
    nobody = slurm(login(), deep=Answer(1, "", ""))["compute node"]
    assert (nobody.result, nobody.found) == ("WARN", "status 1")


def test_connection() -> None:
    """A host that is reached says how; one that is not, why, and whether it is its key."""
    assert reached("local") == (passed("connection", "this very machine"),)
    assert [check.name for check in reached("asyncssh")] == ["connection", "host key"]
    (refused,) = not_reached(HostUnreachable("box", "connection refused", "start sshd"))
    assert (refused.name, refused.result, refused.advice) == ("connection", "FAIL", "start sshd")
    (key,) = not_reached(HostUnreachable("box", "the host key of box is not known", "see"))
    assert key.name == "host key"


def test_table() -> None:
    """The table has a row for each check, with what to do behind what was found."""
    health = HostHealth("box", (passed("clock", "as here"), Check("uv", "WARN", "none", "get it")))
    assert render_health([health]).splitlines() == [
        "HOST  CHECK  RESULT  FOUND",
        "box   clock  PASS    as here",
        "box   uv     WARN    none; get it",
    ]
    assert (health.count("PASS"), health.count("FAIL")) == (1, 0)


def test_answers_in_order() -> None:
    """Each examination judges the answers to its own commands."""

    def judge(answers: Answers) -> Iterable[Check]:
        yield passed("seen", " ".join(answer.output for answer in answers))

    two = Examination((("a",), ("b",)), judge)
    one = Examination((("c",),), judge)
    found = judged((two, one), (Answer(0, "1"), Answer(0, "2"), Answer(0, "3")))
    assert [check.found for check in found] == ["1 2", "3"]
