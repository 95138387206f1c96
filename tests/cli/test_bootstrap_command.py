"""`theseus bootstrap`: one file that carries a run, started here by hand and as SLURM would."""

import re
import stat
import subprocess
from collections.abc import Callable

import pytest
from attrs import evolve

from tests.cli.conftest import Inside
from tests.cli.desk import DEADLINE, Desk
from tests.cli.packed_file import SRUN, PackedFile, metadata, until
from tests.cli.runs import job
from theseus.effects.perform.package import PACKED, packaged_content

pytestmark = pytest.mark.slow
SLURM = """\
clusters:
  hpc: {root: ~/root, work: ~/work}
hosts:
  login:
    type: slurm
    cluster: hpc
    ssh: login.invalid
    partitions: [gpu]
    account: "it's mine"
    chips: {h100: 16}
"""
LOOK = """\
echo "in $PWD"
echo "results $THESEUS_RESULTS_DIR"
echo "log $THESEUS_LOG"
echo kept >"$THESEUS_CHECKPOINT_DIR/kept"
"""
WAITS_ONCE = """\
echo "start $THESEUS_RESTART_COUNT"
test "$THESEUS_RESTART_COUNT" = 0 || exit 0
touch ~/waits
while :; do sleep 0.05; done
"""
INDEX = re.compile("0[0-9]+ [0-9]+ (trees|runtimes)/").match  # a line of what the file holds
Pack = Callable[..., PackedFile]


@pytest.fixture
def pack(desk: Desk, inside: Inside) -> Pack:
    """Writes the run of the desk's `train.yaml` to a file."""

    def write(*words: str, **variables: str) -> PackedFile:
        path = desk.home / "job.sh"
        client = evolve(desk, variables=variables)
        finished = inside(client, "bootstrap", "demo", "train.yaml", *words, "-o", str(path))
        assert finished.status == 0, finished.err
        assert finished.out == ""
        return PackedFile(desk, path)

    return write


def test_file(desk: Desk, pack: Pack) -> None:
    """The file is its owner's alone, can be executed, and begins with packed.sh, byte for byte."""
    file = pack()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o700
    content = file.path.read_bytes()
    assert content.startswith(packaged_content(PACKED))
    assert b"\0" not in content
    assert b"\r" not in content
    assert list(desk.home.iterdir()) == [file.path] or not (desk.home / "work").exists()


def test_a_process_of_the_same_number(desk: Desk, pack: Pack) -> None:
    """What another container's process of this number is writing into the share is left alone."""
    file, waits = pack(), 'echo $$; read -r _; exec bash "$0"'
    share = desk.home / "work/.dispatch"
    with subprocess.Popen(
        ["bash", "-c", waits, str(file.path)],
        cwd=desk.home,
        env=desk.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        number = process.stdout.readline().strip()
        contents = [line.split()[2] for line in file.path.read_text().splitlines() if INDEX(line)]
        for content in contents:
            (share / f"{content}.part.{number}").mkdir(parents=True)
        said, _ = process.communicate("\n", timeout=DEADLINE)
    assert contents
    assert process.returncode == 0, said
    assert sorted(share.glob("*/*.part.*")) == sorted(
        share / f"{content}.part.{number}" for content in contents
    )


def test_run_here(desk: Desk, pack: Pack) -> None:
    """It runs where it is started, in the places of the config; its output is the job's too."""
    job(desk, LOOK)
    file = pack()
    finished = file.run()
    assert finished.status == 0, finished.out
    run_dir = file.run_dir()
    place = f"project/default/demo/{run_dir.name}"
    assert f"its directory: {run_dir}" in finished.out
    assert f"theseus: results: {desk.home}/root/results/{place}" in finished.out
    assert f"in {desk.home}/work/{place}" in finished.out
    assert (desk.home / f"root/checkpoints/{place}/kept").exists()
    assert file.outcome()["state"] == "completed"
    assert (run_dir / "answer").read_text().split()[0].isdigit()
    assert (run_dir / "plan.json").exists()


def test_other_places(desk: Desk, pack: Pack) -> None:
    """Everything moves with the places that are given, whatever they are called; so job is told."""
    job(desk, LOOK)
    file = pack()
    finished = file.run(
        "--root", ".././home/a root's $x", f'--work={desk.place}/b "work"/', "--share", "~/sh"
    )
    assert finished.status == 0, finished.out
    root, work, run_dir = desk.home / "a root's $x", desk.place / 'b "work"', file.run_dir("sh")
    place = f"project/default/demo/{run_dir.name}"
    assert f"in {work}/{place}" in finished.out
    assert f"results {root}/results/{place}" in finished.out
    assert (root / f"checkpoints/{place}/kept").exists()
    told = metadata(root)
    assert told["run_dir"] == str(run_dir)
    assert told["hardware"]["cluster"] == {
        "name": "hpc",
        "root": str(root),
        "work": str(work),
        "share": f"{desk.home}/sh",
        "log": f"{work}/logs",
        **{name: f"{root}/{name}" for name in ("data", "checkpoints", "results", "status")},
    }
    assert not (desk.home / "root").exists()
    assert not (desk.home / "work").exists()


def test_places_of_the_config(desk: Desk, pack: Pack) -> None:
    """What lies beneath a place moves with the innermost; what lies elsewhere stays."""
    places = "root: ~/same, work: ~/same, data: ~/same/deep/data, results: ~/elsewhere"
    desk.write(
        str(desk.home / ".theseus.yaml"),
        f"clusters:\n  hpc: {{{places}}}\nhosts:\n  box: {{type: plain, cluster: hpc, ssh: box}}\n",
    )
    job(desk, LOOK)
    finished = pack().run("--root", "r", "--work", "w")
    assert finished.status == 0, finished.out
    cluster = metadata(desk.home / "r")["hardware"]["cluster"]
    assert cluster["data"] == f"{desk.home}/r/deep/data"
    assert cluster["results"] == f"{desk.home}/elsewhere"
    assert f"in {desk.home}/w/project" in finished.out
    assert (desk.home / "w/.dispatch/runs").is_dir()
    assert not (desk.home / "same").exists()


@pytest.mark.parametrize("log", ["logs of mine/", "one.log"])
def test_log(desk: Desk, pack: Pack, log: str) -> None:
    """With --log the output goes to that file, or to one in that directory, and is told where."""
    job(desk, LOOK)
    file = pack()
    finished = file.run("--log", log)
    assert finished.status == 0
    name = f"project-default-demo-{file.run_dir().name}.log" if log.endswith("/") else ""
    path = desk.home / f"{log}{name}"
    assert f"theseus: log: {path}" in finished.out
    assert f"log {path}" not in finished.out
    assert f"log {path}" in path.read_text()
    assert metadata(desk.home / "root")["log"] == str(path)


def test_again(desk: Desk, pack: Pack) -> None:
    """A second start says that the run exists and how it ended, and changes nothing."""
    job(desk, "echo ran >>~/ran; exit 3")
    file = pack()
    assert file.run().status == 3
    assert file.outcome()["state"] == "failed"
    again = file.run()
    assert again.status == 1
    assert (
        f"the run {file.run_dir().name} exists here: it failed; see {file.run_dir()}" in again.out
    )
    assert (desk.home / "ran").read_text() == "ran\n"


def test_while_it_runs(desk: Desk, pack: Pack) -> None:
    """A second start of a run that goes on says so; after it was preempted it goes on."""
    job(desk, WAITS_ONCE)
    file = pack()
    with file.start() as first:
        until((desk.home / "waits").exists)
        again = file.run()
        first.terminate()
        assert first.wait(60) == 143
    assert again.status == 1
    assert "it was started and has not ended" in again.out
    assert file.outcome()["state"] == "preempted"
    resumed = file.run()
    assert resumed.status == 0, resumed.out
    assert "start 1" in resumed.out
    assert file.outcome()["state"] == "completed"


def test_secrets(desk: Desk, pack: Pack) -> None:
    """It holds no secret: what it needs is set where it is started, and leaves with the run."""
    config = (desk.home / ".theseus.yaml").read_text()
    secrets = "    secrets: {TOKEN: env:MY_WORD, KEY: file:~/key}\n"
    variables = "    env: {URL: 'x ${oc.env:WORD} y'}\n"
    desk.write(str(desk.home / ".theseus.yaml"), config + secrets + variables)
    job(desk, 'echo "$TOKEN/$KEY/$URL/${MY_WORD-unset}"')
    file = pack(WORD="hidden")
    refused = file.run(KEY="b\n'c")
    assert refused.status == 1
    assert "not set in the environment: MY_WORD WORD;" in refused.out
    assert not list((desk.home / "work/.dispatch/runs").iterdir())
    finished = file.run(KEY="b\n'c", MY_WORD='a "$x"', WORD="wörd")
    assert finished.status == 0, finished.out
    assert 'a "$x"/b\n\'c/x wörd y/unset' in finished.out
    assert not (file.run_dir() / "secrets.env").exists()
    laid = [path for path in file.run_dir().iterdir() if path.is_file()]
    assert not [path for path in laid if b"hidden" in path.read_bytes()]


def test_help(desk: Desk, pack: Pack) -> None:
    """--help tells the places and the variables it needs, and starts nothing."""
    config = (desk.home / ".theseus.yaml").read_text()
    desk.write(str(desk.home / ".theseus.yaml"), config + "    secrets: {TOKEN: env:MY_WORD}\n")
    helped = pack().run("--help", "--root", "r")
    assert helped.status == 0
    assert f"({desk.home}/r)" in helped.out
    assert "It needs this variable: MY_WORD" in helped.out
    assert not (desk.home / "work").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--rooot", "x"), "nothing is expected where '--rooot' stands"),
        (("--root",), "--root needs a path"),
        (("--work=",), "--work needs a path"),
        (("--share", "/"), "--share / is no place for a run"),
        (("--log", "a\nb"), "no control character"),
    ],
    ids=str,
)
def test_wrong_words(pack: Pack, words: tuple[str, ...], problem: str) -> None:
    """Words that mean nothing are refused before anything is done."""
    finished = pack().run(*words)
    assert finished.status == 2
    assert problem in finished.out


def test_damaged(desk: Desk, pack: Pack) -> None:
    """A file of which one letter changed, or the end is missing, starts nothing and says so."""
    file = pack()
    whole = file.path.read_bytes()
    data = whole.index(b"\n# theseus-data ")
    changed = bytearray(whole)
    changed[-100] ^= 1
    head = (whole[: data // 3], whole[: data // 2], whole[:data])
    for content in (bytes(changed), whole[:-1], whole[: data + 2000], *head):
        file.path.write_bytes(content)
        finished = file.run()
        assert finished.status != 0
        assert "copy it here again" in finished.out
    assert not (desk.home / "work").exists()


def test_not_a_file(desk: Desk, pack: Pack) -> None:
    """From a pipe it cannot read its data: it says how to start it."""
    file = pack()
    desk.program("piped", f'exec bash <"{file.path}"')
    finished = PackedFile(desk, desk.home / "bin/piped").run()
    assert finished.status == 1
    assert "this starts as a file, not from a pipe" in finished.out


def test_uncommitted(desk: Desk, pack: Pack) -> None:
    """With --dirty it carries what is not committed; without, the commit."""
    job(desk, "cat note.txt")
    desk.write("note.txt", "not committed\n")
    assert pack().run().status == 1
    dirty = pack("--dirty").run("--work", "another")
    assert dirty.status == 0
    assert "not committed" in dirty.out


def test_unwritable(desk: Desk, inside: Inside) -> None:
    """A place where no file can be written is bad input, and the file must be named."""
    finished = inside(desk, "bootstrap", "demo", "train.yaml", "-o", "no/such/job.sh")
    assert finished.status == 2
    assert "packed file no/such/job.sh" in finished.err
    assert inside(desk, "bootstrap", "demo", "train.yaml").status == 2


@pytest.fixture
def slurm_desk(desk: Desk) -> Desk:
    """A desk whose only host is a cluster that cannot be reached; `srun` stands for SLURM."""
    desk.write(str(desk.home / ".theseus.yaml"), SLURM)
    desk.write(str(desk.home / "bin/srun"), SRUN, 0o755)
    desk.program("squeue", "exit 1")
    return desk


def test_batch_lines(slurm_desk: Desk, pack: Pack) -> None:
    """A bare sbatch asks for the right hardware: its options stand before the code."""
    lines = pack("--n_chips", "16", "--chip", "h100", "--time", "90m").path.read_text().split("\n")
    options = {line for line in lines[1:20] if line.startswith("#SBATCH ")}
    wanted = ("--nodes=2", "--gres=gpu:h100:8", "--time=01:30:00", "--partition=gpu", "--requeue")
    assert {f"#SBATCH {option}" for option in wanted} <= options
    assert '#SBATCH "--account=it\'s mine"' in options
    assert not [line for line in options if "--chdir" in line or "--output" in line]
    assert lines[0].startswith("#!")
    assert (
        "\n".join((lines[0], *lines[1 + len(options) :]))
        .encode()
        .startswith(packaged_content(PACKED))
    )
    assert slurm_desk.home.exists()


def test_environment_on_the_login_node(slurm_desk: Desk, inside: Inside) -> None:
    """Where the login node would build the environment, it is said that a file does not."""
    words = ("bootstrap", "demo", "train.yaml", "-o", str(slurm_desk.home / "job.sh"))
    assert "env_on" not in inside(slurm_desk, *words).err
    config = slurm_desk.home / ".theseus.yaml"
    slurm_desk.write(str(config), f"{config.read_text()}    env_on: login\n")
    assert "builds its environment on the node" in inside(slurm_desk, *words).err


def test_batch_job(slurm_desk: Desk, pack: Pack) -> None:
    """SLURM starts a copy of the file; it runs on every node of the job, as one run."""
    job(slurm_desk, 'echo "rank $RANK of $WORLD_SIZE"')
    file = pack("--n_chips", "16", "--chip", "h100")
    finished = file.batch(7, 2, "--root", "r")
    assert finished.status == 0, finished.out
    assert {"rank 0 of 2", "rank 1 of 2"} <= set(finished.out.splitlines())
    assert (file.run_dir() / "answer").read_text() == "slurm 7\n"
    assert file.outcome()["state"] == "completed"
    assert metadata(slurm_desk.home / "r")["state"] == "completed"


def test_requeued(slurm_desk: Desk, pack: Pack) -> None:
    """The same job goes on with its run when it was requeued; another job does not."""
    job(slurm_desk, 'echo "start $THESEUS_RESTART_COUNT"; exit 0')
    file = pack("--n_chips", "1", "--chip", "h100")
    assert file.batch(7, 1).status == 0
    (file.run_dir() / "outcome.json").unlink()  # as when its node was lost
    other = file.batch(8, 1)
    assert other.status == 1
    assert "it was started and has not ended" in other.out
    same = file.batch(7, 1)
    assert same.status == 1
    requeued = file.batch(7, 1, SLURM_RESTART_COUNT="1")
    assert requeued.status == 0, requeued.out
    assert "start 1" in requeued.out


def test_preempted_job(slurm_desk: Desk, pack: Pack) -> None:
    """A run that was preempted and not requeued goes on in another job."""
    job(slurm_desk, 'echo "start $THESEUS_RESTART_COUNT"')
    file = pack("--n_chips", "1", "--chip", "h100")
    assert file.batch(7, 1).status == 0
    ended = file.run_dir() / "outcome.json"
    ended.write_text(ended.read_text().replace('"completed"', '"preempted"'))
    resumed = file.batch(8, 1)
    assert resumed.status == 0, resumed.out
    assert "start 1" in resumed.out
    assert (file.run_dir() / "answer").read_text() == "slurm 8\n"


def test_share_out_of_sight(slurm_desk: Desk, pack: Pack) -> None:
    """When a node does not see the run directory nothing starts, and it says what to name."""
    blind = 'if test "$SLURM_PROCID" = 1; then exit 1; fi; exec /usr/bin/test "$@"'
    slurm_desk.program("test", blind)
    file = pack("--n_chips", "16", "--chip", "h100")
    finished = file.batch(7, 2)
    assert finished.status == 1
    assert "name a directory on storage they share with --share" in finished.out
    assert not list((slurm_desk.home / "work/.dispatch/runs").iterdir())


def test_plain_run_on_several_nodes(slurm_desk: Desk, pack: Pack) -> None:
    """A run that was planned for a host without SLURM takes one node of it, not several."""
    plain = "{type: plain, cluster: hpc, ssh: box.invalid}"
    config = f"clusters:\n  hpc: {{root: ~/root, work: ~/work}}\nhosts:\n  box: {plain}\n"
    slurm_desk.write(str(slurm_desk.home / ".theseus.yaml"), config)
    file = pack()
    assert "it takes one node, not 2" in file.batch(7, 2).out
    finished = file.batch(8, 1)
    assert finished.status == 0, finished.out
    assert file.outcome()["state"] == "completed"


def test_steps(slurm_desk: Desk, pack: Pack) -> None:
    """Outside a job of SLURM, and in a step of one, it runs on this machine alone."""
    file = pack("--n_chips", "1", "--chip", "h100")
    assert file.run("--work", "w1").status == 0
    assert file.batch(7, 1, "--work", "w2", SLURM_STEP_ID="0").status == 0
    assert not (slurm_desk.home / "srun.words").exists()


def test_after(slurm_desk: Desk, inside: Inside) -> None:
    """Which job another run is cannot be known in a file for SLURM: that is said with advice."""
    words = ("--n_chips", "1", "--after", "20261124-131501-k7f2qx", "-o", "job.sh")
    finished = inside(slurm_desk, "bootstrap", "demo", "train.yaml", *words)
    assert finished.status == 2
    assert "sbatch --dependency=afterok:JOB" in finished.err
    assert not (slurm_desk.repository / "job.sh").exists()
