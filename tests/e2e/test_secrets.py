"""Canaries in every place a secret can come from: they reach the far job and nothing else.

What theseus prints, saves, records and sends is searched on both sides, and so are the command
lines of all processes while it works.
"""

import hashlib
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.desk import Desk, Finished
from tests.e2e.far_desk import PLACE, FarDesk, far_desk
from tests.e2e.sshd import Sshd

pytestmark = pytest.mark.slow

KINDS = ("ENV", "FILE", "CMD", "HOST", "OC", "JOINED", "JOB", "FLAG", "MOUNT")
CANARIES = {kind: f"canary-{kind.lower()}-9f3'\"$x\\" for kind in KINDS}
CANARIES["MOUNT"] = "canary-mount-9f3"
CANARIES["PIN"] = "930173017301"
MARKS = tuple(value[:16].encode() for value in CANARIES.values())
JOB = """\
import hashlib, os, pathlib, subprocess, time
from theseus.registry import job

@job("probe/secrets")
def look(cfg, spec):
    found = {name: os.environ[name] for name in ("ENV", "FILE", "CMD", "HOST", "OC", "JOINED")}
    found |= {"JOB": cfg.deep.url, "FLAG": cfg.deep.flag, "PIN": str(cfg.deep.pin + 0)}
    assert not [name for name in os.environ if name.startswith("THESEUS_SECRET_")]
    lines = [f"{n} {hashlib.sha256(v.encode()).hexdigest()}" for n, v in sorted(found.items())]
    spec.result_path("digests").write_text("\\n".join(lines))
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True).stdout
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            processes += process.read_bytes()
        except OSError:
            pass
    spec.result_path("processes").write_bytes(processes)
    print("looked", flush=True)
    while not (pathlib.Path.home() / "PLACE/go").exists():
        time.sleep(0.02)
"""
TRAIN = """\
job: probe/secrets
request: {min_chips: 0}
deep:
  url: 'https://u:${ oc.env:SECRET_JOB }@host'
  flag: none
  pin: ${oc.decode:${oc.env:SECRET_PIN}}
"""
WORDS = ("demo", "train.yaml", "deep.flag=${oc.env:SECRET_FLAG}", "--load", "secretjobs")


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A far host whose config has a secret of each kind; the cluster of another has a mount."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users))) as made:
        home = made.desk.home
        cluster = (
            f"    secrets: {{ENV: env:SECRET_ENV, FILE: 'file:{home}/.secret'}}\n"
            "    env: {OC: '${oc.env:SECRET_OC}', JOINED: 'a ${oc.env:SECRET_JOINED} b'}\n"
            f"  kept: {{root: ~/{PLACE}/kept, work: ~/{PLACE}/work,"
            " mount: 'redis://:${oc.env:SECRET_MOUNT}@nowhere.invalid/1'}\n"
        )
        made.configure(
            cluster,
            f"    secrets: {{HOST: '${{oc.env:SECRET_HOST}}', CMD: 'cmd:cat {home}/.command'}}\n"
            f"  mounted: {{type: plain, cluster: kept, ssh: {made.alias}}}\n",
        )
        for name, kind in ((".secret", "FILE"), (".command", "CMD")):
            made.desk.write(str(home / name), f"{CANARIES[kind]}\n", 0o600)
        made.desk.write("secretjobs.py", JOB.replace("PLACE", PLACE))
        made.desk.write("train.yaml", TRAIN)
        made.desk.commit()
        yield made


def user(far: FarDesk) -> Desk:
    """The desk of a user who has the canaries in the environment."""
    variables = {f"SECRET_{kind}": value for kind, value in CANARIES.items()}
    return Desk(far.desk.place, variables)


def holds_canary(data: bytes) -> bool:
    """Whether a secret, or the part of one that no quoting changes, is in *data*."""
    return any(mark[:-3] in data for mark in MARKS)


def clean(finished: Finished) -> Finished:
    """What was said, without a secret in it."""
    assert not holds_canary((finished.out + finished.err).encode("utf-8", "surrogateescape"))
    return finished


def leaks(*places: Path) -> set[str]:
    """The names of files that hold a secret."""
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return {path.name for path in files if holds_canary(path.read_bytes())}


@contextmanager
def command_lines() -> Iterator[list[bytes]]:
    """The command lines that were seen while the block ran, if they held a secret."""
    found: list[bytes] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if holds_canary(line):
                    found.append(line)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def run_directory(far: FarDesk) -> Path:
    """The directory of the one run there is."""
    (found,) = (far.place / "work/.dispatch/runs").iterdir()
    return found


def digests(far: FarDesk) -> dict[str, str]:
    """What the job found, by name, as digests."""
    (file,) = (far.place / "root/results").rglob("digests")
    return dict(line.split(" ") for line in file.read_text().splitlines())


def expected_digests() -> dict[str, str]:
    """What it should have found."""
    whole = {kind: CANARIES[kind] for kind in ("ENV", "FILE", "CMD", "HOST", "OC", "FLAG", "PIN")}
    whole["JOINED"] = f"a {CANARIES['JOINED']} b"
    whole["JOB"] = f"https://u:{CANARIES['JOB']}@host"
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in whole.items()}


def test_secrets_reach_the_job_alone(far: FarDesk) -> None:
    """From plan to end: printed, saved, sent, logged and listed by ps, there is no secret."""
    desk = user(far)
    own = {".secret", ".command"}
    with command_lines() as seen:
        for more in ((), ("--json",), ("--dry-run", "-o", "p.yaml")):
            shown = clean(desk.theseus("plan", *WORDS, *more))
            assert shown.status == 0, shown.err
        assert leaks(far.desk.place) == own
        with desk.start("submit", *WORDS, "--follow") as following:
            assert following.stdout is not None
            while b"looked" not in (line := following.stdout.readline()):
                assert not holds_canary(line)
                assert following.poll() is None
            secrets = run_directory(far) / "secrets.env"
            assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
            assert stat.S_IMODE(secrets.parent.stat().st_mode) == 0o700
            assert leaks(far.place) == {"secrets.env"}
            assert leaks(far.desk.place) == own
            (far.place / "go").touch()
            out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err.decode()
    assert not holds_canary(out + err)
    assert far.outcome(secrets.parent.name)["state"] == "completed"
    assert digests(far) == expected_digests()
    assert not leaks(far.place)
    assert leaks(far.desk.place) == own
    assert not seen
    (metadata,) = (far.place / "root/status").rglob("metadata.json")
    config = json.loads(metadata.read_text())["config"]
    assert config["deep"] == {"url": "***", "flag": "***", "pin": "***"}


def test_recording_holds_no_secret(far: FarDesk) -> None:
    """A recording of a submission holds references and outcomes."""
    desk = user(far)
    file = desk.place / "recording.json"
    with command_lines() as seen:
        finished = clean(desk.theseus("submit", *WORDS, "--record", str(file)))
        assert finished.status == 0, finished.err
        (far.place / "go").touch()
        assert far.outcome(run_directory(far).name)["state"] == "completed"
    assert "SECRET_JOB" in file.read_text()
    assert not holds_canary(file.read_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert clean(far.desk.theseus("replay", str(file))).status == 0
    assert not seen
