"""The dialogue with perform.sh, through a real bash here and through a real SSH connection."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.effects.sites import SITES, OpenSite, at, performed, raw, supply
from theseus.core.config.secrets import CommandSecret, EnvironmentSecret, Secret
from theseus.core.plan.outcome import AlreadySubmitted, Done, Failed, NotReached, Outcome
from theseus.core.plan.shelf import Offer, Shelf
from theseus.core.plan.steps import (
    ClaimRun,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    Packaged,
    PlanDocument,
    PutFile,
    PutSecrets,
    Segment,
    Step,
    Text,
)
from theseus.core.text.shell import path_word
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.exchange import Answer, ask, ask_in_turn, ask_within
from theseus.effects.perform.package import packaged_content, packaged_digest
from theseus.effects.perform.parcel import Parcel, SupplyError, bytes_parcel
from theseus.effects.perform.sending import Ready, prepare

LOOKS_LIKE_COMMANDS = (
    b"touch executed\n{ run 1 touch executed; }\n\ntoken 0 0 0\n$(touch executed)\n"
)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."})
PATIENT = settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> OpenSite:
    """Each way to have a shell."""
    return SITES[request.param]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the home as well, and where commands would leave traces."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path | str, content: bytes = b"x", mode: int = 0o600) -> PutFile:
    """The step that writes *content* to *path*."""
    return PutFile("site", str(path), mode, raw(content))


@pytest.mark.slow
@PATIENT
@given(files=st.lists(st.tuples(NAMES, st.binary(max_size=3000)), min_size=1, max_size=6))
def test_any_bytes(
    open_site: OpenSite, tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes]]
) -> None:
    """Any bytes under any name arrive byte for byte."""
    folder = tmp_path_factory.mktemp("any")
    expected = dict(files)
    steps = tuple(put(folder / "out" / name, content) for name, content in files)
    made = MakeDir("site", str(folder / "out"), 0o700)
    assert performed(open_site, folder, (made, *steps)) == (Done(),) * (len(steps) + 1)
    found = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert found == expected


def test_modes_and_home(open_site: OpenSite, folder: Path) -> None:
    """A path under `~/` is under the home there, and modes are as the step says."""
    steps: tuple[Step, ...] = (
        MakeDir("site", '~/a b\'s "c"/d', 0o700),
        put('~/a b\'s "c"/d/exec', mode=0o755),
        PutFile("site", "~/plan.json", 0o644, PlanDocument()),
    )
    assert performed(open_site, folder, steps) == (Done(), Done(), Done())
    place = folder / 'a b\'s "c"' / "d"
    assert (place.stat().st_mode & 0o777, (place / "exec").stat().st_mode & 0o777) == (0o700, 0o755)
    assert (folder / "plan.json").read_bytes() == b'{"plan": true}'


def test_a_file_is_replaced(open_site: OpenSite, folder: Path) -> None:
    """Writing a file again replaces it and leaves nothing beside it."""
    path = folder / "out" / "file"
    steps = (MakeDir("site", str(path.parent), 0o700), put(path, b"old"), put(path, b"new"))
    assert set(performed(open_site, folder, steps)) == {Done()}
    assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [("file", b"new")]


def names(folder: Path) -> set[str]:
    """The names in *folder*."""
    return {path.name for path in folder.iterdir()}


def unwritable(folder: Path) -> Iterator[Path]:
    """Places where no file can be written, root or not."""
    yield folder / "missing" / "file"
    (folder / "file").write_text("")
    yield folder / "file" / "below a file"
    (folder / "directory").mkdir()
    yield folder / "directory"
    yield folder / ("long" * 70)


def test_what_cannot_be_written(open_site: OpenSite, folder: Path) -> None:
    """Content that cannot be written is drained, never executed, and ends the segment."""
    for path in unwritable(folder):
        steps = (
            put(path, LOOKS_LIKE_COMMANDS * 3000),
            put(folder / "later", LOOKS_LIKE_COMMANDS),
            MakeDir("site", str(folder / "even later"), 0o700),
        )
        first, *others = performed(open_site, folder, steps)
        assert isinstance(first, Failed)
        assert f"could not write {path}" in first.message
        assert others == [NotReached(), NotReached()]
        assert not {"executed", "later", "even later"} & names(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here: this needs root and its capabilities")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_disk_full(open_site: OpenSite, folder: Path, small_disk: Path) -> None:
    """A full disk is said, leaves no partial file, and ends the segment."""
    steps = (put(small_disk / "big", LOOKS_LIKE_COMMANDS * 5000), put(small_disk / "later"))
    outcomes = performed(open_site, folder, steps)
    assert isinstance(outcomes[0], Failed)
    assert "No space left on device" in outcomes[0].message
    assert outcomes[1] == NotReached()
    assert list(small_disk.iterdir()) == []


def test_tree_is_sent_only_where_missing(open_site: OpenSite, folder: Path) -> None:
    """An archive is sent where it is missing; where it is, nobody asks for it."""
    archive = folder / "archive"
    archive.write_bytes(os.urandom(1_500_000))
    step = EnsureTree("site", "~/tree.tar.gz", "abc")
    later = put(folder / "later")
    assert performed(open_site, folder, (step, later), supply(archive)) == (Done("sent"), Done())
    assert (folder / "tree.tar.gz").read_bytes() == archive.read_bytes()
    assert performed(open_site, folder, (step, later), supply()) == (Done("present"), Done())


def test_shipped_file(open_site: OpenSite, folder: Path) -> None:
    """A shipped file is sent where it is missing, and is the one that the plan names."""
    digest = packaged_digest("bootstrap.sh")
    step = EnsureFile("site", str(folder / "b"), 0o600, Packaged("bootstrap.sh", digest))
    assert performed(open_site, folder, (step, step)) == (Done("sent"), Done("present"))
    assert (folder / "b").read_bytes() == packaged_content("bootstrap.sh")
    other = EnsureFile("site", str(folder / "c"), 0o600, Packaged("bootstrap.sh", "0" * 64))
    with pytest.raises(SupplyError, match="another version of theseus"):
        performed(open_site, folder, (other,))


@pytest.mark.parametrize("shelf", [None, Shelf()])
def test_what_follows_a_failed_step(open_site: OpenSite, folder: Path, shelf: Shelf | None) -> None:
    """What was sent without being asked for is never read as commands, and is not kept."""
    (folder / "archive").write_bytes(LOOKS_LIKE_COMMANDS)
    (folder / "in the way").mkdir()
    wrong = PutFile("site", str(folder / "in the way"), 0o600, Text("x"))
    tree = EnsureTree("site", str(folder / "tree"), "abc")
    steps = (wrong, tree, put(folder / "later"))
    outcomes = performed(open_site, folder, steps, supply(folder / "archive"), shelf)
    assert [type(outcome) for outcome in outcomes] == [Failed, NotReached, NotReached]
    assert not {"tree", "later", "executed"} & names(folder)


def test_what_is_said_to_be_there(open_site: OpenSite, folder: Path) -> None:
    """What lies on the shelf is not sent; what is gone again is asked for, once."""
    (folder / "archive").write_bytes(LOOKS_LIKE_COMMANDS)
    tree = EnsureTree("site", str(folder / "trees" / "abc.tar.gz"), "abc")
    made = MakeDir("site", str(folder / "trees"), 0o700)
    count = put(folder / "count", b"1")
    shelf = Shelf().after((tree,))
    sent = performed(open_site, folder, (made, tree, count), supply(folder / "archive"), shelf)
    assert sent == (Done(), Done("sent"), Done())
    assert (folder / "trees" / "abc.tar.gz").read_bytes() == LOOKS_LIKE_COMMANDS
    there = performed(open_site, folder, (made, tree, count), supply(), shelf)
    assert there == (Done(), Done("present"), Done())


def test_steps_before_a_parcel_do_not_wait_for_it(open_site: OpenSite, folder: Path) -> None:
    """While a parcel is made the steps before it are done: a claim above all is there early."""
    claim = folder / "share" / "runs" / "r"

    def first_a_claim() -> None:
        until = time.monotonic() + 20
        while not claim.exists():
            assert time.monotonic() < until, "the claim waits for the parcel"
            time.sleep(0.01)

    async def parcel_of(_: str, __: Offer) -> Parcel:
        await asyncio.to_thread(first_a_claim)
        return bytes_parcel(b"x", "gzip")

    steps = (
        MakeDir("site", str(claim.parent), 0o700),
        ClaimRun("site", str(claim)),
        EnsureTree("site", str(folder / "tree.tar.gz"), "abc"),
    )
    slow = evolve(supply(), parcel_of=parcel_of)
    assert performed(open_site, folder, steps, slow, Shelf())[1:] == (Done("claimed"), Done("sent"))


def test_a_parcel_that_nobody_expected_to_fail(open_site: OpenSite, folder: Path) -> None:
    """An error that is no SupplyError comes out as it is, and nobody waits for the host."""

    async def parcel_of(_: str, __: Offer) -> Parcel:
        raise ZeroDivisionError

    broken = evolve(supply(), parcel_of=parcel_of)
    with pytest.raises(ZeroDivisionError):
        performed(open_site, folder, (EnsureTree("site", "~/t", "abc"),), broken, Shelf())


def test_gone_and_not_to_be_had(open_site: OpenSite, folder: Path) -> None:
    """Where what is gone from the shelf cannot be sent, the steps that follow are not performed."""
    tree = EnsureTree("site", str(folder / "trees" / "abc.tar.gz"), "abc")
    shelf = Shelf().after((tree,))
    given = supply(folder / "missing")
    with pytest.raises(SupplyError, match="cannot be read: No such file"):
        performed(open_site, folder, (tree, put(folder / "later")), given, shelf)
    assert "later" not in names(folder)


def test_missing_archive(open_site: OpenSite, folder: Path) -> None:
    """An archive that cannot be read is an error, and no later step is performed."""
    steps = (EnsureTree("site", str(folder / "tree"), "abc"), put(folder / "later"))
    with pytest.raises(SupplyError, match="cannot be read: No such file"):
        performed(open_site, folder, steps, supply(folder / "missing"))
    assert names(folder) <= {"server"}


def test_archive_below_a_missing_directory(open_site: OpenSite, folder: Path) -> None:
    """An archive that cannot be written there is drained like any content."""
    archive = folder / "archive"
    archive.write_bytes(LOOKS_LIKE_COMMANDS * 20000)
    steps = (EnsureTree("site", str(folder / "no" / "tree"), "abc"), put(folder / "later"))
    outcomes = performed(open_site, folder, steps, supply(archive))
    assert isinstance(outcomes[0], Failed)
    assert "No such file or directory" in outcomes[0].message
    assert outcomes[1] == NotReached()
    assert not (folder / "executed").exists()


def test_secrets(open_site: OpenSite, folder: Path) -> None:
    """Secrets arrive in a file that only its owner reads, in a form that bash reads back."""
    value = 'a\'b "c" $(touch executed)\nd'
    secrets = (
        Secret("ONE", EnvironmentSecret("TOKEN")),
        Secret("TWO", CommandSecret("printf 'from command\\n'")),
    )
    step = PutSecrets("site", str(folder / "secrets.env"), secrets)
    given_supply = supply(environment={"TOKEN": value})
    assert performed(open_site, folder, (step,), given_supply) == (Done(),)
    assert (folder / "secrets.env").stat().st_mode & 0o777 == 0o600
    script = '. ./secrets.env; printf \'%s|%s\' "$ONE" "$TWO"'
    read = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=True)
    assert read.stdout.decode() == f"{value}|from command"


def test_missing_secret(open_site: OpenSite, folder: Path) -> None:
    """Where a secret is missing nothing at all is sent."""
    secrets = (Secret("ONE", EnvironmentSecret("NOT_SET")),)
    steps = (put(folder / "first"), PutSecrets("site", str(folder / "secrets.env"), secrets))
    with pytest.raises(SupplyError, match="env:NOT_SET is not set"):
        performed(open_site, folder, steps)
    assert not (folder / "first").exists()


def launch_steps(folder: Path, script: str) -> tuple[Step, ...]:
    """The steps that launch *script* as a bootstrap."""
    run = str(folder / "run dir")
    return (
        ClaimRun("site", run),
        PutFile("site", f"{run}/bootstrap.sh", 0o600, Text(script)),
        Launch("site", run, str(folder / "the log")),
    )


def launched(outcomes: tuple[Outcome, ...]) -> str:
    """The answer of a launch that went well."""
    assert outcomes[:2] == (Done("claimed"), Done())
    assert isinstance(outcomes[2], Done)
    return outcomes[2].output


def wait_for(path: Path) -> str:
    """The content of *path*, as soon as there is some."""
    for _ in range(100):
        if path.is_file() and path.read_text():
            return path.read_text()
        asyncio.run(asyncio.sleep(0.05))
    pytest.fail(f"{path} never came")


def test_claimed_once(open_site: OpenSite, folder: Path) -> None:
    """A run that was answered answers the same again and starts nothing."""
    steps = launch_steps(folder, 'echo started; echo "$1" >"$1/argument"\n')
    answer = launched(performed(open_site, folder, steps))
    wait_for(folder / "run dir" / "argument")
    again = performed(open_site, folder, steps)
    assert again == (AlreadySubmitted(answer), NotReached(), NotReached())
    assert (folder / "the log").read_text() == "started\n"


def test_claim_without_launch_is_resumed(open_site: OpenSite, folder: Path) -> None:
    """A run that was claimed and never launched can be launched."""
    steps = launch_steps(folder, "true\n")
    assert performed(open_site, folder, steps[:1]) == (Done("claimed"),)
    assert performed(open_site, folder, steps[:1]) == (Done("resumed"),)


def without_answer(folder: Path) -> Path:
    """Have it look as if the launching shell was killed before it wrote the answer, a while ago."""
    run_dir = folder / "run dir"
    (run_dir / "answer").unlink(missing_ok=True)
    (run_dir / "launched").mkdir(exist_ok=True)
    os.utime(run_dir / "launched", (0, 0))
    return run_dir


def test_answer_that_was_never_written(open_site: OpenSite, folder: Path) -> None:
    """A process that runs is its own answer, and is not started a second time."""
    steps = launch_steps(folder, 'echo started; until test -e "$1/go"; do sleep 0.05; done')
    answer = launched(performed(open_site, folder, steps))
    run_dir = without_answer(folder)
    again = performed(open_site, folder, steps)
    assert again == (AlreadySubmitted(answer), NotReached(), NotReached())
    assert (run_dir / "answer").read_text() == answer + "\n"
    (run_dir / "go").touch()
    assert (folder / "the log").read_text() == "started\n"


def test_started_and_gone(open_site: OpenSite, folder: Path) -> None:
    """A run that began and is gone was submitted, though nobody knows as what."""
    steps = launch_steps(folder, "true\n")
    performed(open_site, folder, steps[:1])
    (without_answer(folder) / "starts").write_text("1\n")
    (outcome,) = performed(open_site, folder, steps[:1])
    assert isinstance(outcome, AlreadySubmitted)
    assert outcome.answer.split()[:2] == ["0", "1"]


def test_never_started(open_site: OpenSite, folder: Path) -> None:
    """Where no process of the run is there and it never began, it is started now, once."""
    steps = launch_steps(folder, 'echo started >>"$1/count"\n')
    performed(open_site, folder, steps[:1])
    run_dir = without_answer(folder)
    outcomes = performed(open_site, folder, steps)
    assert outcomes[0] == Done("resumed")
    assert isinstance(outcomes[2], Done)
    assert wait_for(run_dir / "count") == "started\n"


def test_taken_up_by_two(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who find a start that died, one starts the run, and the other hears the answer."""
    steps = launch_steps(folder, 'echo started >>"$1/count"; sleep 1; echo 1 >"$1/starts"\n')
    performed(SITES["local"], folder, steps[:1])
    run_dir = without_answer(folder)
    # the first to have looked removes what is dead, the second would remove what has come since
    slow = f'mkdir "{folder}/first" 2>/dev/null && sleep 0.3 || sleep 1'
    tool = folder / "bin" / "rmdir"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\n{slow}\nexec {which("rmdir")} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(lambda _: performed(SITES["local"], folder, steps), range(2)))
    answers = {end[2].output for end in ends if isinstance(end[2], Done)}
    answers |= {each.answer for end in ends for each in end if isinstance(each, AlreadySubmitted)}
    assert answers == {(run_dir / "answer").read_text().strip()}
    assert wait_for(run_dir / "count") == "started\n"


def test_secrets_that_came_late(folder: Path) -> None:
    """Who brings secrets when another has started the run, and it has ended, leaves none there."""
    ended = 'rm "$1/secrets.env"; echo \'{"state": "completed"}\' >"$1/outcome.json"\n'
    claim, bootstrap, launch = launch_steps(folder, ended)
    run_dir = folder / "run dir"
    secrets = PutSecrets("site", f"{run_dir}/secrets.env", (Secret("A", CommandSecret("echo b")),))
    performed(SITES["local"], folder, (claim, bootstrap, secrets, launch))
    wait_for(run_dir / "outcome.json")
    late = performed(SITES["local"], folder, (bootstrap, secrets, launch))
    assert late == (Done(), Done(), AlreadySubmitted((run_dir / "answer").read_text().strip()))
    assert not (run_dir / "secrets.env").exists()


@pytest.mark.slow
def test_being_started_at_this_moment(open_site: OpenSite, folder: Path) -> None:
    """Somebody else who starts the run just now is waited for."""
    steps = launch_steps(folder, "true\n")
    performed(open_site, folder, steps[:1])
    run_dir = folder / "run dir"
    (run_dir / "launched").mkdir()
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; echo 1 2 3 >'{run_dir}/answer'"]):
        assert performed(open_site, folder, steps[:1]) == (AlreadySubmitted("1 2 3"),)


@pytest.mark.slow
def test_launch_survives(open_site: OpenSite, folder: Path) -> None:
    """What is launched has its own session and lives on after the shell and the connection."""
    script = 'trap "echo hup >>$1/signal" HUP\nsleep 0.7\necho alive >"$1/alive"\n'
    pid, start, boot = launched(performed(open_site, folder, launch_steps(folder, script))).split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    assert (fields[3], fields[19]) == (pid, start)
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert wait_for(folder / "run dir" / "alive") == "alive\n"
    assert not (folder / "run dir" / "signal").exists()


CLIENT = """
import asyncio, os, signal, sys
from theseus.core.plan.steps import Segment
from theseus.effects.perform.local import LocalPerformer
from tests.effects.sites import supply
from tests.effects.perform.test_exchange import launch_steps
from pathlib import Path

async def main():
    steps = launch_steps(Path(sys.argv[1]), 'sleep 0.5; echo alive >"$1/alive"')
    await LocalPerformer(supply()).perform(Segment("site", 0, steps))
    os.killpg(0, signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.slow
def test_launch_survives_the_client(folder: Path) -> None:
    """What is launched lives on when the client and its process group are killed."""
    place = str(Path(__file__).parents[3])
    client = subprocess.run(
        [sys.executable, "-c", CLIENT, str(folder)],
        env={**os.environ, "PYTHONPATH": place},
        start_new_session=True,
        check=False,
    )
    assert client.returncode == -signal.SIGKILL
    assert wait_for(folder / "run dir" / "alive") == "alive\n"


def test_secrets_do_not_show() -> None:
    """What is about to be sent does not show its content."""
    step = PutSecrets("site", "/secrets.env", (Secret("ONE", EnvironmentSecret("TOKEN")),))
    given_supply = supply(environment={"TOKEN": "hidden"})
    (sending,) = asyncio.run(prepare(Segment("site", 0, (step,)), given_supply))
    assert isinstance(sending, Ready)
    assert b"hidden" in sending.frame
    assert "hidden" not in repr(sending)


def test_launch_without_a_log(open_site: OpenSite, folder: Path) -> None:
    """Where the log cannot be written nothing is launched, and the reason is said."""
    *steps, launch = launch_steps(folder, 'touch "$1/ran"\n')
    assert isinstance(launch, Launch)
    nowhere = Launch("site", launch.run_dir, str(folder / "no" / "log"))
    outcome = performed(open_site, folder, (*steps, nowhere))[-1]
    assert isinstance(outcome, Failed)
    assert "No such file or directory" in outcome.message
    assert not (folder / "run dir" / "ran").exists()


def test_launch_that_cannot_be_noted(open_site: OpenSite, folder: Path) -> None:
    """Where a start cannot be noted nothing is launched, and nobody is said to have done so."""
    *steps, launch = launch_steps(folder, 'touch "$1/ran"\n')
    assert isinstance(launch, Launch)
    performed(open_site, folder, tuple(steps))
    (folder / "run dir" / "launched").symlink_to("nowhere")
    (outcome,) = performed(open_site, folder, (launch,))
    assert isinstance(outcome, Failed)
    assert "cannot create directory" in outcome.message
    assert not (folder / "run dir" / "ran").exists()


def test_large_error_text(open_site: OpenSite, folder: Path) -> None:
    """A probe may print megabytes on both streams: no deadlock, nothing quadratic, a tail kept."""
    script = "yes error | head -c 1000000 >&2; yes outs | head -c 3999999; echo last >&2; exit 3"

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            probes = [("sh", "-c", script), ("echo", "after")]
            return await asyncio.wait_for(ask(shell, probes), 30)

    answers = at(open_site, folder, use)
    assert isinstance(answers, tuple)
    first, second = answers
    assert (first.status, len(first.output), len(first.errors) <= 4096) == (3, 3_999_999, True)
    assert first.errors.endswith("last")
    assert second == Answer(0, b"after", "")


def test_probes(open_site: OpenSite, folder: Path) -> None:
    """Probes are answered in their order, and a failing one stops nothing."""
    probes = (("printf", "%s|", "a b", "$x", "'", "\n", "é"), ("no-such-tool",), ("cat",), ("pwd",))

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            return await ask(shell, probes)

    answers = at(open_site, folder, use)
    assert isinstance(answers, tuple)
    assert answers[0] == Answer(0, "a b|$x|'|\n|é|".encode(), "")
    assert answers[1].status == 127
    assert "no-such-tool" in answers[1].errors
    assert answers[2:] == (Answer(0, b"", ""), Answer(0, str(folder).encode(), ""))


def test_probes_at_once(open_site: OpenSite, folder: Path) -> None:
    """No probe waits for the one before it; one that is killed is answered, and stops nothing."""
    os.mkfifo(folder / "meeting")
    probes = (
        ("sh", "-c", "echo met >meeting"),
        ("sh", "-c", "kill -9 $PPID"),
        ("sh", "-c", "cat meeting"),
    )

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            return await asyncio.wait_for(ask(shell, probes), 20)

    assert at(open_site, folder, use) == (
        Answer(0, b"", ""),
        Answer(137, b"", ""),
        Answer(0, b"met", ""),
    )


def test_output_of_a_killed_probe(open_site: OpenSite, folder: Path) -> None:
    """What a probe printed before all of it was killed is its output, whatever it looks like."""
    words = "some words, and a number: 42"
    probes = (("sh", "-c", 'echo "$0"; kill -9 "$PPID"', words), ("echo", "after"))

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            return await asyncio.wait_for(ask(shell, probes), 20)

    answers = at(open_site, folder, use)
    assert answers == (Answer(137, words.encode(), ""), Answer(0, b"after", ""))


def test_probes_in_turn(open_site: OpenSite, folder: Path) -> None:
    """Where one has to see what another has done, it is begun when that has ended."""
    probes = (("sh", "-c", "sleep 0.3; echo made >it"), ("cat", "it"), ("rm", "it"))

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            return await ask_in_turn(shell, probes)

    assert at(open_site, folder, use) == (
        Answer(0, b"", ""),
        Answer(0, b"made", ""),
        Answer(0, b"", ""),
    )


def test_all_answered_at_the_deadline(open_site: OpenSite, folder: Path) -> None:
    """A host that has answered everything was not silent, though its errors do not end."""

    async def never() -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def use(open_shell: OpenShell) -> object:
        async with open_shell("site") as shell:
            setattr(shell, "errors", never)  # noqa: B010  a protocol's method, which mypy guards
            return await ask_within(1.5, shell, ["echo here"])

    assert at(open_site, folder, use) == (Answer(0, b"here", ""),)


def test_no_steps(open_site: OpenSite, folder: Path) -> None:
    """A segment without steps has no outcomes, and no probes have no answers."""
    assert performed(open_site, folder, ()) == ()


def test_damaged_upload(folder: Path) -> None:
    """Content that is not what its digest says is not installed."""
    script = packaged_content("perform.sh").decode()
    wrong, right = (hashlib.sha256(text).hexdigest() for text in (b"other", b"content"))
    lines = (
        f"{{ run 0 receive 0600 7 {wrong} {path_word('~/a')}; }}\ncontent"
        f"{{ run 1 receive 0600 7 {right} {path_word('~/b')}; }}\ncontent"
    )
    talk = subprocess.run(
        ["bash", "-s"],
        input=f"token=T\n{script}{lines}",
        capture_output=True,
        check=True,
        text=True,
    )
    assert "\nT 0 1 0\n\nT 1 skipped 0\n" in talk.stdout
    assert "it arrived damaged" in talk.stderr
    assert names(folder) == set()


@pytest.mark.slow
def test_a_timeout_of_the_site(folder: Path) -> None:
    """TMOUT, with which sites end idle shells, does not cut off content that takes its time."""
    script = packaged_content("perform.sh")
    digest = hashlib.sha256(b"content").hexdigest()
    talk = subprocess.Popen(
        ["bash", "-s"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMOUT": "1"},
    )
    assert talk.stdin is not None
    talk.stdin.write(b"token=T\n%s{ run 0 obtain 0 0600 out.gz ask; }\n" % script)
    talk.stdin.flush()
    time.sleep(1.5)
    output, _ = talk.communicate(f"gzip\n7\ncontent0\n7 {digest}\n".encode())
    assert output.endswith(b"\nT 0 0 4\nsent")
    assert (folder / "out.gz").read_bytes() == b"content"


@pytest.mark.slow
def test_a_head_that_reads_too_much(folder: Path) -> None:
    """Where head takes more than it is asked for, content and commands still arrive whole."""
    tools = folder / "tools"
    tools.mkdir()
    program = "read(STDIN, $all, 1 << 16); print substr($all, 0, $ARGV[1])"
    greedy = f"#!/bin/bash\nexec perl -e '{program}' -- \"$@\"\n"
    (tools / "head").write_text(greedy)
    (tools / "head").chmod(0o755)
    script = packaged_content("perform.sh").decode()
    digest = hashlib.sha256(b"content").hexdigest()
    lines = f"{{ run 0 receive 0600 7 {digest} out; }}\ncontent{{ run 1 echo hello; }}\n"
    talk = subprocess.run(
        ["bash", "-s"],
        input=f"token=T\n{script}{lines}",
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert talk.stdout.endswith("\nT 0 0 0\n\nT 1 0 5\nhello")
    assert (folder / "out").read_text() == "content"
