"""Job configs to start from: every field and default of a job, ready to be planned."""

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.errors import BadInput, BadJob, UnknownJob, Unreadable
from theseus.effects.reading.job_configs import save_job_config, write_job_config
from theseus.effects.reading.load import load_job_text
from theseus.effects.reading.reading import JobSearch, find_job, read_job_config

MODULE = """\
from dataclasses import dataclass, field
from theseus.registry import job


@dataclass
class Model:
    width: int = 64
    names: list[str] = field(default_factory=lambda: ["a", "ü"])


@dataclass
class Config:
    text: str
    model: Model = field(default_factory=Model)
    lr: float = 0.1


@job("trial/train", config=Config)
def train(cfg, spec): ...


@job("trial/bare")
def bare(cfg, spec): ...
"""


ENUMS = """\
import enum
from dataclasses import dataclass
from theseus.registry import job


class Mode(enum.Enum):
    FAST = "fast"


class Bare:
    pass


@dataclass
class Config:
    mode: Mode = Mode.FAST


@job("enum/train", config=Config)
def train(cfg, spec): ...
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with jobs; a job config is written beside them."""
    (tmp_path / "trialjobs.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fields_and_defaults(project: Path) -> None:
    """Every field stands there with its default; what has none is to be filled in."""
    where = (project, ("trialjobs",))
    assert write_job_config("trial/train", "out.yaml", ("model.width=8",), where).unwrap()
    assert yaml.safe_load((project / "out.yaml").read_text()) == {
        "job": "trial/train",
        "request": {"chip": None, "min_chips": 1},
        "text": "???",
        "model": {"width": 8, "names": ["a", "ü"]},
        "lr": 0.1,
    }


def test_written_config_can_be_used(project: Path) -> None:
    """What was written is a job config that its job accepts, once filled in."""
    where = (project, ("trialjobs",))
    assert not write_job_config("trial/train", "out.yaml", ("text=x",), where).unwrap()
    file = read_job_config("out.yaml", ()).unwrap()
    assert find_job(file, None, JobSearch(project, ("trialjobs",))).unwrap().key == "trial/train"
    for key in ("command", "trial/bare"):
        write_job_config(key, f"{key.replace('/', '-')}.yaml", (), where).unwrap()
    file = read_job_config("command.yaml", ()).unwrap()
    assert find_job(file, None, JobSearch(project, ())).unwrap().key == "command"


def test_nothing_is_overwritten(project: Path) -> None:
    """A file that is there stays as it is."""
    (project / "out.yaml").write_text("mine")
    refused = write_job_config("command", "out.yaml", (), (project, ())).failure()
    assert isinstance(refused, Unreadable)
    assert (project / "out.yaml").read_text() == "mine"


def test_refused(project: Path) -> None:
    """Unknown jobs, modules and keys are said, and nothing is written."""
    (project / "brokenjobs.py").write_text("from theseus.registry import job\nfor k in 1: job(k)\n")
    (project / "needy.py").write_text(
        f"import no_such_module\n{MODULE.replace('trial/', 'needy/')}"
    )
    for key, load, overrides, error in (
        ("trial/trian", ("trialjobs",), (), UnknownJob),
        ("trial/train", ("brokenjobs",), (), BadInput),
        ("needy/train", ("needy",), (), BadJob),
        ("command", (), ("zebra=1",), BadInput),
    ):
        refused = write_job_config(key, "x.yaml", overrides, (project, load)).failure()
        assert isinstance(refused, error), refused
    assert not (project / "x.yaml").exists()


def test_defaults_of_an_enum(project: Path) -> None:
    """A member of an enum is written as its value."""
    (project / "enumjobs.py").write_text(ENUMS)
    where = (project, ("enumjobs",))
    assert not write_job_config("enum/train", "out.yaml", (), where).unwrap()
    assert yaml.safe_load((project / "out.yaml").read_text())["mode"] == "fast"


def test_default_that_yaml_cannot_hold(project: Path) -> None:
    """It is said, and nothing is written."""
    (project / "oddjobs.py").write_text(
        ENUMS.replace("Mode.FAST", "Bare()").replace("enum/", "odd/")
    )
    refused = write_job_config("odd/train", "out.yaml", (), (project, ("oddjobs",))).failure()
    assert isinstance(refused, BadJob)
    assert "nothing that YAML can hold" in refused.reason
    assert not (project / "out.yaml").exists()


def test_unknown_user(project: Path) -> None:
    """A path below the home of nobody is no place to write to."""
    refused = write_job_config("command", "~nobody-has-this-name/x", (), (project, ())).failure()
    assert isinstance(refused, Unreadable)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])) | st.sampled_from(
    ["1e-3", "0o17", "010", "yes", "1_0", "12:30:00", "2026-11-24", "=", "<<", "~", "", ".5", "0b1"]
)


@given(value=TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_what_is_written_is_read_back(value: object) -> None:
    """A default is the same value, of the same type, when the job config is loaded."""
    job_configs = {"job": "x", "a": value, "list": [value]}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.yaml"
        save_job_config("x", job_configs, str(path)).unwrap()
        _, read = load_job_text(str(path)).unwrap()
    assert read == job_configs
    assert type(read["a"]) is type(value)
