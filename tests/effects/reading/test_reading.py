"""Reading: words, job configs and names become checked values, or problems with their places."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from theseus.base.job import valid_name
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.error_text import explain
from theseus.core.errors import BadFile, BadInput, BadJob, UnknownJob
from theseus.core.request.request import AskedByFlags
from theseus.effects.reading.job_fit import JobFile
from theseus.effects.reading.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_environment,
    check_names,
    check_plain,
    find_job,
    read_job_config,
)

MODULE = """\
from dataclasses import dataclass
from theseus.registry import job


@dataclass
class Config:
    width: int = 8
    rate: float = 0.1


@job("KEY/train", config=Config)
def train(cfg, spec): ...
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to read job configs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(project: Path, text: str, *overrides: str) -> JobFile:
    """The job config of *text*."""
    (project / "job.yaml").write_text(text)
    return read_job_config("job.yaml", overrides).unwrap()


def test_overrides_come_before_interpolation(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An override is seen by what refers to it, and may refer to others itself."""
    monkeypatch.setenv("HERE", "x")
    file = read(project, "a: 1\nb: ${a}\nc: 0\n", "a=2", "c=${oc.env:HERE}")
    token = Referenced("x", (EnvironmentSecret("HERE"),))
    assert dict(file.values) == {"a": 2, "b": 2, "c": token}


def test_config_class_is_checked(project: Path) -> None:
    """What a job's config class refuses is a problem of the file, with its place."""
    (project / "checkedjobs.py").write_text(MODULE.replace("KEY", "checked"))
    file = read(project, "job: checked/train\nwidht: 8\nrate: fast\n")
    refused = find_job(file, None, JobSearch(project, ("checkedjobs",))).failure()
    assert isinstance(refused, BadFile)
    assert [(each.line, each.path) for each in refused.problems] == [
        (2, ("widht",)),
        (3, ("rate",)),
    ]
    assert "did you mean" in explain(refused)
    fine = read(project, "job: checked/train\nwidth: 16\n")
    found = find_job(fine, None, JobSearch(project, ("checkedjobs",))).unwrap()
    assert (found.key, found.module) == ("checked/train", "checkedjobs")


STRICT = """\
import attrs
from theseus.registry import job


@attrs.frozen
class Config:
    rate: float = 0.1
    url: str = ""
    words: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self):
        if "bad" in self.url:
            raise ValueError(f"url: no such place: {self.url[::-1]}")
        if self.rate > 1:
            raise ValueError(f"rate is {self.rate}, and url {self.url}")


@job("KEY/train", config=Config)
def train(cfg, spec): ...
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rate: ${oc.env:NUMBER}", "rate: expected float, got ${oc.env:NUMBER}, which is text"),
        ("rate: ${oc.env:NUMBER}", "a number from the environment is ${oc.decode:${oc.env:NAME}}"),
        ("url: ${oc.decode:${oc.env:NUMBER}}", "got ${oc.decode:${oc.env:NUMBER}}"),
        ("url: ${oc.env:CANARY}", "url: expected another value, got ${oc.env:CANARY}"),
        ("words: [a, 1]\nurl: ${oc.env:CANARY}", "words[1]: expected str, got int 1"),
        ("rate: 2\nurl: ${oc.env:GOOD}", "for a reason that is not shown"),
    ],
)
def test_objections_hold_no_secret(
    project: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """What a config class says of a value from the environment is said without that value."""
    for name, value in (("CANARY", "bad7301"), ("GOOD", "good7301"), ("NUMBER", "7301")):
        monkeypatch.setenv(name, value)
    (project / "strictjobs.py").write_text(STRICT.replace("KEY", "strict"))
    file = read(project, f"job: strict/train\n{text}\n")
    shown = explain(find_job(file, None, JobSearch(project, ("strictjobs",))).failure())
    assert said in shown
    assert "7301" not in shown
    assert "1037" not in shown


def test_place_within_a_list(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with an item of a list is said with the line where that item stands."""
    monkeypatch.setenv("NUMBER", "7301")
    (project / "listjobs.py").write_text(STRICT.replace("KEY", "list"))
    file = read(project, "job: list/train\nrate: 0.5\nwords:\n- a\n- 1\n")
    refused = find_job(file, None, JobSearch(project, ("listjobs",))).failure()
    assert explain(refused).endswith("job.yaml:5:3: words[1]: expected str, got int 1")
    file = read(project, "job: list/train\nwords:\n- ${oc.decode:${oc.env:NUMBER}}\n")
    shown = explain(find_job(file, None, JobSearch(project, ("listjobs",))).failure())
    assert (
        "job.yaml:3:3: words[0]: expected another value, got ${oc.decode:${oc.env:NUMBER}}" in shown
    )
    assert "7301" not in shown


def test_number_from_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number from the environment fits a field for numbers."""
    monkeypatch.setenv("NUMBER", "0.5")
    (project / "looserjobs.py").write_text(STRICT.replace("KEY", "looser"))
    file = read(project, "job: looser/train\nrate: ${oc.decode:${oc.env:NUMBER}}\n")
    assert is_successful(find_job(file, None, JobSearch(project, ("looserjobs",))))


def test_job_from_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of a job is no secret, and none may stand there."""
    monkeypatch.setenv("CANARY", "bad7301")
    file = read(project, "job: ${oc.env:CANARY}\n")
    shown = explain(find_job(file, None, JobSearch(project)).failure())
    assert "job.yaml:1:1: job: ${oc.env:CANARY} is no key" in shown
    assert "--job" in shown
    assert "7301" not in shown


def test_job_from_the_flag(project: Path) -> None:
    """--job names the job, whatever the file says."""
    file = read(project, "job: elsewhere\ncommand: [ls]\n")
    assert find_job(file, "command", JobSearch(project)).unwrap().key == "command"
    assert isinstance(find_job(file, None, JobSearch(project)).failure(), UnknownJob)


def test_module_that_needs_more_than_is_here(project: Path) -> None:
    """What a project's environment holds need not be installed here; what is broken is said."""
    for name, first in (("needyjobs", "import not_here_at_all"), ("badjobs", "1 / 0")):
        (project / f"{name}.py").write_text(f"{first}\n{MODULE.replace('KEY', name)}")
    file = read(project, "job: needyjobs/train\nwidth: 8\n")
    assert (
        find_job(file, None, JobSearch(project, ("needyjobs",))).unwrap().key == "needyjobs/train"
    )
    file = read(project, "job: badjobs/train\nwidth: 8\n")
    refused = find_job(file, None, JobSearch(project, ("badjobs",))).failure()
    assert isinstance(refused, BadJob)
    assert "ZeroDivisionError" in refused.reason
    assert "badjobs.py:1" in refused.reason


@pytest.mark.parametrize(
    ("text", "path"),
    [("a: !!binary aGk=\n", ("a",)), ("a: {b: [1, !!set {x}]}\n", ("a", "b", 1))],
)
def test_what_cannot_travel(project: Path, text: str, path: tuple[str | int, ...]) -> None:
    """Data that JSON has no form for is refused where it stands."""
    (project / "job.yaml").write_text(text)
    refused = read_job_config("job.yaml", ()).failure()
    assert isinstance(refused, BadFile)
    assert [problem.path for problem in refused.problems] == [path]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4))
def test_plain_data_can_travel(data: Any) -> None:
    """All that JSON has a form for is let through."""
    file = JobFile("cfg", "", {"a": data})
    assert check_plain(file).unwrap() == file


def test_names_are_filled_in() -> None:
    """Without a project it is the repository's name, without a group `default`."""
    assert check_names(Names("n"), "repo").unwrap() == Names("n", "repo", "default")
    assert check_names(Names("n", "p", "g"), "repo").unwrap() == Names("n", "p", "g")


@given(st.text(max_size=200), st.none() | st.text(max_size=50), st.none() | st.text(max_size=50))
def test_any_names(name: str, project: str | None, group: str | None) -> None:
    """Names that are let through are valid ones, and short enough to be part of one file name."""
    checked = check_names(Names(name, project, group), "repo")
    if is_successful(checked):
        parts = [
            checked.unwrap().name,
            checked.unwrap().project or "",
            checked.unwrap().group or "",
        ]
        assert not any(map(valid_name, parts))
        assert sum(len(part.encode()) for part in parts) <= 200
    else:
        assert isinstance(checked.failure(), BadInput)


def test_environment_words() -> None:
    """NAME=VALUE words are split at the first `=`; a secret typed by mistake is not repeated."""
    assert check_environment(("A=b=c", "B=")).unwrap() == (("A", "b=c"), ("B", ""))
    refused = check_environment(("s3cret", "1A=x", "THESEUS_X=1", "UID=0")).failure()
    assert isinstance(refused, BadInput)
    assert len(refused.problems) == 4
    assert "s3cret" not in explain(refused)


def test_problems_of_flags_and_file_together(project: Path) -> None:
    """What is wrong with flags and with the file's request is said at once."""
    file = read(project, "job: x\nrequest:\n  min_chips: -1\n  mem: lots\n")
    refused = asked_hardware(AskedByFlags(chip="h10"), file, ()).failure()
    assert isinstance(refused, BadInput)
    assert [problem.flag for problem in refused.problems] == [
        "--chip",
        "job.yaml:3:3",
        "job.yaml:4:3",
    ]
    alone = asked_hardware(AskedByFlags(), file, ()).failure()
    assert isinstance(alone, BadFile)
    assert [problem.line for problem in alone.problems] == [3, 4]
