"""Registering jobs and looking them up."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from theseus import registry
from theseus.base.config import Config
from theseus.registry import (
    JOBS,
    DuplicateJob,
    Job,
    JobImportError,
    Registry,
    UnknownJob,
    import_module,
    job,
    key_problem,
)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """What a test registers or imports is gone after it."""
    jobs, path, modules = dict(JOBS._jobs), list(sys.path), set(sys.modules)
    yield
    JOBS._jobs.clear()
    JOBS._jobs.update(jobs)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    importlib.invalidate_caches()


@dataclass
class Settings:
    """A config class."""

    lr: float
    steps: int = 1


def write(directory: Path, name: str, text: str) -> None:
    """A module on the import path."""
    (directory / f"{name}.py").write_text(text)
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def installed(directory: Path, entry_points: str) -> None:
    """A package that is installed, as far as its metadata goes."""
    metadata = directory / "lab-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[theseus.jobs]\n{entry_points}\n")
    sys.path.insert(0, str(directory))


def test_a_function_is_a_job() -> None:
    """A decorated function stays what it was, and runs with config and spec."""

    @job("t/function")
    def train(cfg: Config, spec: str) -> tuple[Any, ...]:
        return cfg.optim.lr, spec, sorted(cfg)

    config = {"optim": {"lr": 1}, "job": "t/function", "request": {"chip": "h100"}}
    assert JOBS["t/function"].run(config, "spec") == (1, "spec", ["optim"])
    assert train(Config({"optim": {"lr": 2}}), "x")[0] == 2
    assert JOBS["t/function"].title == f"{__name__}.{train.__qualname__}"


def test_a_class_is_a_job() -> None:
    """A decorated class is built with config and spec, then called."""

    @job("t/class")
    class Train:
        def __init__(self, cfg: Config, spec: str) -> None:
            self.told = (cfg.steps, spec)

        def __call__(self) -> tuple[int, str]:
            return self.told

    assert JOBS["t/class"].run({"steps": 3}, "spec") == (3, "spec")
    assert isinstance(JOBS["t/class"].target, type)


def test_a_job_with_a_config_class_gets_an_instance() -> None:
    """Defaults are filled in, and what does not fit is refused before the job is called."""

    @job("t/settings", config=Settings)
    def train(cfg: Settings, _spec: object) -> Settings:
        return cfg

    assert JOBS["t/settings"].run({"lr": 1, "job": "t/settings"}, None) == Settings(1.0)
    assert JOBS["t/settings"].config is Settings
    with pytest.raises(ValueError, match=r"step: unknown key; did you mean steps\?"):
        JOBS["t/settings"].run({"lr": 1, "step": 1}, None)


def test_one_key_is_one_object() -> None:
    """A key taken by another object is an error that names both; a reload is none."""
    jobs = Registry()
    first = Job("a", len, None, "one")
    jobs.add(first)
    jobs.add(Job("a", len, None, "one"))
    with pytest.raises(DuplicateJob, match=r"job 'a' is both one\.len and two\.max"):
        jobs.add(Job("a", max, None, "two"))
    assert jobs["a"] == first


@pytest.mark.parametrize("key", ["a", "nanolm/train", "a/b-c.d_e", "2/x"])
def test_a_plain_key_is_fine(key: str) -> None:
    """Letters, digits and . _ - in parts between slashes make a key."""
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a b", "-a", "a/../b", "ä", "a\n"])
def test_any_other_key_is_refused(key: str) -> None:
    """A key that could be taken for an option or a path is refused where it is written."""
    with pytest.raises(ValueError, match="use letters, digits"):
        job(key)


def test_what_cannot_run_is_no_job() -> None:
    """A class that cannot be called, and a config class that has no fields, are refused."""
    with pytest.raises(TypeError, match=r"class .*Idle has no __call__"):

        @job("t/idle")
        class Idle:
            pass

    with pytest.raises(TypeError, match="no dataclass and no attrs class"):
        job("t/odd", config=int)


def test_command_is_built_in() -> None:
    """`command` is there without any import."""
    assert "command" in JOBS
    assert JOBS["command"].module == "theseus.base.command"
    with pytest.raises(SystemExit) as ended:
        JOBS["command"].run({"command": ["sh", "-c", "exit 3"], "job": "command"}, None)
    assert ended.value.code == 3


def test_an_unknown_key_names_the_nearest() -> None:
    """A key that is not there is answered with those that look like it."""
    with pytest.raises(UnknownJob) as caught:
        _ = JOBS["comand"]
    assert str(caught.value) == "no job is called 'comand'; did you mean command?"
    assert JOBS.get("qqq") is None
    with pytest.raises(KeyError) as far:
        _ = JOBS["qqq"]
    assert str(far.value) == "no job is called 'qqq'; `theseus jobs` lists those there are"


def test_an_installed_job_is_imported_when_it_is_read(tmp_path: Path) -> None:
    """Listing entry points imports nothing; reading a key imports its module alone."""
    source = "from theseus.registry import job\n@job('lab/{0}')\ndef run(cfg, spec): return '{0}'\n"
    write(tmp_path, "lab_one", source.format("one"))
    write(tmp_path, "lab_two", source.format("two"))
    installed(tmp_path, "lab/one = lab_one:run\nlab/two = lab_two:run\nlab/three = lab_two:run")
    assert {"lab/one", "lab/two"} <= set(JOBS)
    assert len(JOBS) == len(set(JOBS))
    assert "lab/one" in JOBS
    assert "lab_one" not in sys.modules
    assert JOBS["lab/one"].run({}, None) == "one"
    assert "lab_two" not in sys.modules
    assert JOBS.imported("lab/two", "lab_two").run({}, None) == "two"
    with pytest.raises(JobImportError, match="defines no job 'lab/three'"):
        _ = JOBS["lab/three"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "import nonexistent_torch",
            r"it needs nonexistent_torch, which is not installed here \(.*faulty.py:1\)",
        ),
        ("def f(:", r"SyntaxError: invalid syntax \(faulty.py, line 1\)"),
        ("x = 1\n1 / 0", r"ZeroDivisionError: division by zero \(.*faulty.py:2\)"),
        ("raise SystemExit('stop')", r"SystemExit: stop \(.*faulty.py:1\)"),
        ("from os import nonexistent", r"ImportError: cannot import name .* \(.*faulty.py:1\)"),
        (
            "from theseus.registry import job\njob('a b')",
            r"ValueError: job key 'a b': .* \(.*faulty.py:2\)",
        ),
    ],
)
def test_a_module_that_fails_is_told_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    """The error names the module, what is missing or wrong in it, and where."""
    write(tmp_path, "faulty", text)
    with pytest.raises(
        JobImportError, match=f"^module faulty cannot be imported: {reason}$"
    ) as caught:
        import_module("faulty")
    assert caught.value.module == "faulty"
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("name", "missing"), [("no_such_module", "no_such_module"), ("no_such.one", "no_such")]
)
def test_a_module_that_is_not_there_is_said(name: str, missing: str) -> None:
    """A module, or the package it should be in, that nobody has is not called a dependency."""
    with pytest.raises(JobImportError, match=f"there is no {missing} in the project"):
        import_module(name)


def test_an_error_without_a_place_has_none() -> None:
    """An error that no user's line raised is told without a line."""
    assert registry._place(ValueError("x")) == ""


def test_asynchronous_job() -> None:
    """A coroutine function would never run, so it is no job."""

    async def train(cfg: object, spec: object) -> None:
        """Do nothing."""

    class Train:
        def __init__(self, cfg: object, spec: object) -> None: ...

        async def __call__(self) -> None: ...

    for target in (train, Train):
        with pytest.raises(TypeError, match="is asynchronous"):
            job("trial/async")(target)


def test_generator_job() -> None:
    """A call of a generator function does nothing, so it is no job; an inherited one neither."""

    def train(*_: object) -> Iterator[int]:
        yield 1

    class Train:
        def __init__(self, cfg: object, spec: object) -> None: ...

        def __call__(self) -> Iterator[int]:
            yield 1

    class Longer(Train): ...

    for target in (train, Train, Longer):
        with pytest.raises(TypeError, match="is a generator, and would not be run"):
            job("trial/generator")(target)
