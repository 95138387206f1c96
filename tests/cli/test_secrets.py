"""Secrets reach the job and nothing else: no plan, no file but secrets.env, no argument."""

import json
import stat
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished
from tests.cli.runs import Submission, submission

pytestmark = pytest.mark.slow

CANARIES = {kind: f"canary-{kind}-9f3'\"$x" for kind in ("env", "file", "cmd", "oc", "job", "flag")}
CONFIG = """\
clusters:
  hpc:
    root: ~/root
    work: ~/work
    secrets: {FROM_ENV: env:SECRET_ENV, FROM_FILE: file:~/.secret, FROM_CMD: 'cmd:cat ~/.command'}
    env: {FROM_OC: 'before ${oc.env:SECRET_OC} after'}
hosts:
  box: {type: plain, cluster: hpc, transport: local}
"""
SCRIPT = """\
printf '%s\\n' "$FROM_ENV" "$FROM_FILE" "$FROM_CMD" "$FROM_OC" >"$THESEUS_RESULTS_DIR/seen"
env | grep -c THESEUS_SECRET_
until test -e "$HOME/go"; do sleep 0.05; done
"""
JOB = """\
from theseus.registry import job


@job("probe/secret")
def look(cfg, spec):
    import os
    import subprocess

    spec.result_path("config").write_text(cfg.deep.url)
    subprocess.run(["sh", "job.sh"], check=False)
    assert not [name for name in os.environ if name.startswith("THESEUS_SECRET_")]
"""


@pytest.fixture
def secret_desk(desk: Desk) -> Desk:
    """A desk with a secret of each kind."""
    desk.write(str(desk.home / ".theseus.yaml"), CONFIG)
    desk.write(str(desk.home / ".secret"), CANARIES["file"] + "\n", 0o600)
    desk.write(str(desk.home / ".command"), CANARIES["cmd"] + "\n", 0o600)
    desk.write("job.sh", SCRIPT)
    desk.write("secretjobs.py", JOB)
    desk.write(
        "train.yaml",
        "job: probe/secret\nrequest: {min_chips: 0}\n"
        "deep: {url: 'https://u:${oc.env:SECRET_JOB}@host/${oc.env:SECRET_JOB}'}\n",
    )
    desk.commit()
    variables = {f"SECRET_{kind.upper()}": CANARIES[kind] for kind in ("env", "oc", "job")}
    return Desk(desk.place, variables)


def holds_canary(data: bytes) -> bool:
    """Whether a secret, or the part of one that no quoting changes, is in *data*."""
    return any(f"canary-{kind}-9f3".encode() in data for kind in CANARIES)


def leaks(desk: Desk) -> list[str]:
    """The files that hold a secret, but those that the user put it into and the job's own."""
    own = {desk.home / ".secret", desk.home / ".command"}
    return sorted(
        str(path.relative_to(desk.home))
        for path in desk.home.rglob("*")
        if path.is_file() and path not in own and holds_canary(path.read_bytes())
    )


def arguments() -> bytes:
    """The command lines of all processes."""
    found = b""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += (process / "cmdline").read_bytes()
        except OSError:
            continue
    return found


def clean(finished: Finished) -> Finished:
    """What was said, without a secret in it."""
    assert not holds_canary((finished.out + finished.err).encode())
    return finished


def started(desk: Desk, *words: str) -> Submission:
    """A run that has seen its secrets and waits for `~/go`."""
    run = submission(desk, clean(desk.theseus(*words)))
    seen = run.place("results") / "seen"
    for _ in range(600):
        if seen.exists() and seen.read_text().count("\n") == 4:
            return run
        time.sleep(0.05)
    raise AssertionError(run.place("log").read_text())


def test_secrets(secret_desk: Desk) -> None:
    """They are in secrets.env and with the job alone, and gone from there with the run's end."""
    desk = secret_desk
    run = started(desk, "submit", "demo", "train.yaml", "--load", "secretjobs", "--json")
    results = run.place("results")
    assert (results / "seen").read_text().splitlines() == [
        CANARIES["env"],
        CANARIES["file"],
        CANARIES["cmd"],
        f"before {CANARIES['oc']} after",
    ]
    canary = CANARIES["job"]
    assert (results / "config").read_text() == f"https://u:{canary}@host/{canary}"
    own = [str((results / name).relative_to(desk.home)) for name in ("config", "seen")]
    secrets = run.run_dir / "secrets.env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert leaks(desk) == sorted([*own, str(secrets.relative_to(desk.home))])
    assert not holds_canary(arguments())
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "completed"
    assert leaks(desk) == sorted(own)
    assert not secrets.exists()
    assert run.place("log").read_text().splitlines().count("0") == 1


def test_no_plan_holds_a_secret(secret_desk: Desk, inside: Inside) -> None:
    """No form of the plan holds one; each names where its secrets come from."""
    words = ("plan", "demo", "train.yaml", "--load", "secretjobs")
    for more in ((), ("--dry-run",), ("--json",), ("--explain",)):
        shown = clean(inside(secret_desk, *words, *more))
        assert shown.status == 0, shown.err
        if "--explain" not in more:
            assert "SECRET_ENV" in shown.out
            assert "SECRET_JOB" in shown.out
    for name in ("p.yaml", "p.json"):
        clean(inside(secret_desk, *words, "-o", name))
        assert not holds_canary((secret_desk.repository / name).read_bytes())


def test_same_plan_whatever_the_secret(secret_desk: Desk, inside: Inside) -> None:
    """A plan depends on the references, not on what they hold."""
    words = ("plan", "demo", "train.yaml", "--load", "secretjobs", "--dry-run", "--json")
    plans = []
    for canary in ("one", "quite another"):
        variables = {f"SECRET_{kind}": canary for kind in ("ENV", "OC", "JOB")}
        shown = inside(Desk(secret_desk.place, variables), *words)
        plan = json.loads(shown.out)
        plans.append(shown.out.replace(plan["run"]["id"], "ID"))
    assert plans[0] == plans[1]


def test_saved_plan_of_secrets(secret_desk: Desk) -> None:
    """A saved plan fetches its secrets when it is applied; one that is gone is said by name."""
    desk = secret_desk
    words = ("plan", "demo", "train.yaml", "--load", "secretjobs", "-o", str(desk.place / "p.json"))
    assert desk.theseus(*words).status == 0
    for missing in ("SECRET_ENV", "SECRET_OC", "SECRET_JOB"):
        left = {name: value for name, value in desk.variables.items() if name != missing}
        refused = clean(Desk(desk.place, left).theseus("apply", str(desk.place / "p.json")))
        assert refused.status == 1
        assert f"env:{missing}" in refused.err or f"oc.env:{missing}" in refused.err
        assert f"export {missing}" in refused.err
    (desk.home / ".secret").rename(desk.home / ".hidden")
    refused = clean(desk.theseus("apply", str(desk.place / "p.json")))
    assert refused.status == 1
    assert "file:~/.secret cannot be read" in refused.err
    (desk.home / ".hidden").rename(desk.home / ".secret")
    desk.write(str(desk.home / ".command"), "").unlink()
    refused = clean(desk.theseus("apply", str(desk.place / "p.json")))
    assert "cmd:cat ~/.command could not be had" in refused.err
    assert not list((desk.home / "work/.dispatch/runs").glob("*/answer"))
    assert not leaks(desk)
    desk.write(str(desk.home / ".command"), CANARIES["cmd"], 0o600)
    run = started(desk, "apply", str(desk.place / "p.json"), "--json")
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "completed"


def test_metadata_hides_secrets(secret_desk: Desk) -> None:
    """metadata.json shows the config with *** for what is secret."""
    run = started(secret_desk, "submit", "demo", "train.yaml", "--load", "secretjobs", "--json")
    (secret_desk.home / "go").touch()
    run.outcome()
    status = secret_desk.home / "root/status/project/default/demo" / run.run_id
    assert "***" in (status / "metadata.json").read_text()
