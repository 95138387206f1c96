"""Config files: read from disk with every problem and its place, shell text left alone."""

from pathlib import Path

import pytest
from returns.pipeline import is_successful

from theseus.core.config.config import PlainHost
from theseus.core.config.secrets import EnvironmentSecret, JoinedSecret, Referenced
from theseus.core.errors import BadFile, Unreadable
from theseus.effects.reading.load import (
    load_config,
    load_job_text,
    read_text,
    resolve_interpolations,
)

CONFIG = """\
clusters:
  hpc: {root: ~/root, work: ~/work}
hosts:
  box:
    type: plain
    cluster: hpc
    transport: local
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to write a config to."""
    return tmp_path / "dispatch.yaml"


def test_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path it is ~/.theseus.yaml; where that is missing it is said what to write."""
    monkeypatch.setenv("HOME", str(tmp_path))
    missing = load_config(None).failure()
    assert isinstance(missing, Unreadable)
    assert (missing.path, missing.reason) == ("~/.theseus.yaml", "no such file or directory")
    assert "examples/dispatch.yaml" in missing.advice
    (tmp_path / ".theseus.yaml").write_text(CONFIG)
    assert set(load_config(None).unwrap().hosts) == {"box"}
    assert load_config("~/.theseus.yaml").unwrap() == load_config(None).unwrap()


def test_shell_text_is_the_shells(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${…}` in setup lines stays, and is resolved in all other places."""
    monkeypatch.setenv("PLACE", "/here")
    setup = (
        "    setup: ['cd ${HOME}', 'export A=${oc.env:PLACE}']\n    env: {P: '${oc.env:PLACE}'}\n"
    )
    file.write_text(CONFIG.replace("~/root", "'${oc.env:PLACE}/root'") + setup)
    config = load_config(str(file)).unwrap()
    host = config.hosts["box"]
    assert host.setup == ("cd ${HOME}", "export A=${oc.env:PLACE}")
    assert host.env["P"] == Referenced("/here", (EnvironmentSecret("PLACE"),))
    assert config.clusters["hpc"].root == "/here/root"


def test_secret_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret written as ${oc.env:NAME} alone is the reference env:NAME."""
    monkeypatch.setenv("TOKEN", "canary")
    file.write_text(f"{CONFIG}    secrets: {{T: '${{oc.env:TOKEN}}', U: env:OTHER}}\n")
    secrets = load_config(str(file)).unwrap().hosts["box"].secrets
    assert secrets == {"T": EnvironmentSecret("TOKEN"), "U": EnvironmentSecret("OTHER")}
    assert not [each for each in secrets.values() if isinstance(each, JoinedSecret)]


def test_problems_in_the_order_of_the_file(file: Path) -> None:
    """All problems are found, those of values and those of names, and come as they stand."""
    file.write_text(
        "priority: [gone]\n"
        "clusters:\n  hpc: {root: ~/r, work: work, lgo: /l}\n"
        "hosts:\n"
        "  a: {type: plain, cluster: hcp, ssh: 7, chips: {h10: 1}}\n"
        "  b: {type: plain, cluster: hpc, ssh: b, mem: much, cpus_per_task: 0}\n"
    )
    bad = load_config(str(file)).failure()
    assert isinstance(bad, BadFile)
    assert [(each.line, ".".join(map(str, each.path))) for each in bad.problems] == [
        (1, "priority.0"),
        (3, "clusters.hpc.work"),
        (3, "clusters.hpc.lgo"),
        (5, "hosts.a.cluster"),
        (5, "hosts.a.ssh"),
        (5, "hosts.a.chips.h10"),
        (6, "hosts.b.mem"),
        (6, "hosts.b.cpus_per_task"),
    ]


def test_what_follows_from_a_problem_is_not_said(file: Path) -> None:
    """A host or cluster that is wrong itself is still there for what names it."""
    file.write_text(
        "priority: [a, b]\nclusters:\n  hpc: {root: ~/r}\n"
        "hosts:\n  a: {type: plane, cluster: hpc}\n  b: {type: plain, cluster: hpc, ssh: [x]}\n"
    )
    bad = load_config(str(file)).failure()
    assert isinstance(bad, BadFile)
    assert [".".join(map(str, each.path)) for each in bad.problems] == [
        "clusters.hpc",
        "hosts.a.type",
        "hosts.b.ssh",
    ]


def test_environment_in_shell_text_of_a_job() -> None:
    """`command` of a job config is the shell's; other keys keep their place."""
    data = {"command": ["sh", "-c", "echo ${HOME}"], "n": 1, "m": "${n}", "job": "command"}
    resolved = resolve_interpolations("job.yaml", "", data).unwrap()
    assert resolved == {**data, "m": 1}
    assert list(resolved) == list(data)


def test_job_text(tmp_path: Path) -> None:
    """A job config is a mapping; its text comes with it."""
    file = tmp_path / "job.yaml"
    file.write_text("job: command\nnight: no\n")
    assert load_job_text(str(file)).unwrap() == (
        file.read_text(),
        {"job": "command", "night": False},
    )
    file.write_text("just text\n")
    assert isinstance(load_job_text(str(file)).failure(), BadFile)


def test_byte_order_mark_and_line_ends(file: Path) -> None:
    """A file written on another system is read as it was meant."""
    file.write_bytes(b"\xef\xbb\xbf" + CONFIG.replace("\n", "\r\n").encode())
    assert is_successful(load_config(str(file))), load_config(str(file))


@pytest.mark.parametrize("path", ["", "nowhere/x", "~no-such-user-here/x", "a\0b", "x" * 5000])
def test_unreadable(path: str) -> None:
    """No path raises anything."""
    assert isinstance(read_text("config", path, "advice").failure(), Unreadable)


def test_host_is_plain(file: Path) -> None:
    """The values are those of the schema."""
    file.write_text(CONFIG)
    assert load_config(str(file)).unwrap().hosts["box"] == PlainHost("hpc", transport="local")
