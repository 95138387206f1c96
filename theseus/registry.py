"""The jobs there are, by key.

Here: the decorator that registers a job, and looking jobs up without importing more than the one
asked for. Never here: reading pyproject.toml or source files, which the client does; this module
travels to the remote side: standard library only, Python 3.9.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Tuple, TypeVar

from theseus.base.command import KEY, command
from theseus.base.config import Config
from theseus.base.conformity import build_config, check_config, job_part
from theseus.base.schema import config_defaults, is_config_class

__all__ = [
    "ENTRY_POINTS",
    "JOBS",
    "DuplicateJob",
    "Job",
    "JobImportError",
    "Registry",
    "UnknownJob",
    "check_config",
    "config_defaults",
    "entry_point_modules",
    "import_module",
    "job",
    "key_problem",
]

ENTRY_POINTS = "theseus.jobs"
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

Target = TypeVar("Target", bound=Callable[..., Any])


class JobImportError(Exception):
    """A module with jobs cannot be imported: *module* is its name, *reason* one line for people.

    *lacks* is the package that it needs and this environment does not have, if that is the reason.
    """

    def __init__(self, module: str, reason: str, lacks: Optional[str] = None) -> None:
        super().__init__(module, reason, lacks)
        self.module = module
        self.reason = reason
        self.lacks = lacks

    def __str__(self) -> str:
        return f"module {self.module} cannot be imported: {self.reason}"


class DuplicateJob(ValueError):  # noqa: N818 - errors say what is wrong
    """Two jobs claim one key."""


class UnknownJob(KeyError):  # noqa: N818 - errors say what is wrong
    """No job has this *key*; *nearest* are those that look like it."""

    def __init__(self, key: str, nearest: Tuple[str, ...]) -> None:
        super().__init__(key, nearest)
        self.key = key
        self.nearest = nearest

    def __str__(self) -> str:
        near = ", ".join(self.nearest)
        advice = f"did you mean {near}?" if near else "`theseus jobs` lists those there are"
        return f"no job is called {self.key!r}; {advice}"


@dataclass(frozen=True)
class Job:
    """A registered job: *target* is called with config and spec, *config* is its class if any."""

    key: str
    target: Callable[..., Any]
    config: Optional[type]
    module: str

    @property
    def title(self) -> str:
        """Where the job is defined, as people write it."""
        return f"{self.module}.{getattr(self.target, '__qualname__', repr(self.target))}"

    def configure(self, cfg: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of the job's own config class
        """The config the job is called with; ValueError lists what its class has against *cfg*."""
        plain = Config(job_part(cfg))
        return plain if self.config is None else build_config(self.config, plain.to_dict())

    def run(self, cfg: Mapping[str, Any], spec: object) -> Any:  # noqa: ANN401 - it gives whatever the job returns
        """Call the job; ValueError lists what its config class has against *cfg*."""
        settings = self.configure(cfg)
        if isinstance(self.target, type):
            return self.target(settings, spec)()
        return self.target(settings, spec)


class Registry(Mapping[str, Job]):
    """Jobs by key: what has been registered, and on a miss the entry points of installed packages.

    Looking a key up imports the one module that defines it; listing keys imports nothing.
    """

    def __init__(self) -> None:
        self._jobs: Dict[str, Job] = {}

    def add(self, new: Job) -> None:
        """Register a job; DuplicateJob when another object has its key."""
        old = self._jobs.setdefault(new.key, new)
        if old.title != new.title:
            raise DuplicateJob(f"job {new.key!r} is both {old.title} and {new.title}")
        self._jobs[new.key] = new  # a reloaded module brings a new object of the same name

    def registered(self) -> Tuple[Job, ...]:
        """The jobs whose modules have been imported."""
        return tuple(self._jobs.values())

    def imported(self, key: str, module: str) -> Job:
        """The job *key* after importing *module*; JobImportError when that does not define it."""
        if key not in self._jobs:
            import_module(module)
        if key not in self._jobs:
            raise JobImportError(module, f"it was, but it defines no job {key!r}")
        return self._jobs[key]

    def __getitem__(self, key: str) -> Job:
        if key in self._jobs:
            return self._jobs[key]
        module = entry_point_modules().get(key)
        if module is None:
            raise UnknownJob(key, tuple(difflib.get_close_matches(key, self)))
        return self.imported(key, module)

    def __contains__(self, key: object) -> bool:
        return key in self._jobs or key in entry_point_modules()

    def __iter__(self) -> Iterator[str]:
        return iter({**self._jobs, **entry_point_modules()})

    def __len__(self) -> int:
        return len(list(iter(self)))


JOBS = Registry()


def job(key: str, *, config: Optional[type] = None) -> Callable[[Target], Target]:
    """Register a function `(cfg, spec)`, or a class built with them and then called, as a job.

    With a *config* class, a dataclass or an attrs class, `cfg` is an instance of it.
    """
    problem = key_problem(key)
    if problem is not None:
        raise ValueError(problem)
    if config is not None and not is_config_class(config):
        raise TypeError(f"config of job {key!r}: {config!r} is no dataclass and no attrs class")

    def register(target: Target) -> Target:
        if isinstance(target, type) and not any(
            "__call__" in vars(base) for base in target.__mro__
        ):
            raise TypeError(
                f"job {key!r}: class {target.__qualname__} has no __call__ that runs it"
            )
        called = _called(target)
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            raise TypeError(
                f"job {key!r}: {target.__qualname__} is asynchronous, and would not be run: "
                "make it a plain function that calls asyncio.run"
            )
        if inspect.isgeneratorfunction(called):
            raise TypeError(
                f"job {key!r}: {target.__qualname__} is a generator, and would not be run: "
                "make it a plain function, without yield"
            )
        JOBS.add(Job(key, target, config, target.__module__))
        return target

    return register


def _called(target: Callable[..., Any]) -> object:
    """What runs when *target*, or an instance of it, is called."""
    if not isinstance(target, type):
        return target
    return next(vars(base)["__call__"] for base in target.__mro__ if "__call__" in vars(base))


def key_problem(key: str) -> Optional[str]:
    """What is wrong with *key* as the key of a job; None when it is fine.

    >>> key_problem("nanolm/train-2")
    """
    if _KEY.fullmatch(key):
        return None
    return f"job key {key!r}: use letters, digits and . _ - in parts between /, as in nanolm/train"


def entry_point_modules() -> Dict[str, str]:
    """The modules that installed packages name for their jobs, by key; nothing is imported."""
    if not any(map(_may_name_jobs, sys.path)):
        return {}
    from importlib import metadata  # noqa: PLC0415 - 30 ms to find out that there are none

    found: Iterable[metadata.EntryPoint]
    if sys.version_info >= (3, 10):  # noqa: UP036 - the remote side may have 3.9
        found = metadata.entry_points(group=ENTRY_POINTS)
    else:
        found = metadata.entry_points().get(ENTRY_POINTS, ())
    return {point.name: point.value.partition(":")[0].strip() for point in found}


def _may_name_jobs(entry: str) -> bool:
    """Whether a package that is installed in *entry* of sys.path may name jobs."""
    try:
        places = [place for place in Path(entry).iterdir() if place.name.lower().endswith("-info")]
    except NotADirectoryError:
        return True  # an archive, into which only importlib.metadata looks
    except OSError:
        return False
    return any(_names_jobs(place / "entry_points.txt") for place in places)


def _names_jobs(file: Path) -> bool:
    try:
        return ENTRY_POINTS.encode() in file.read_bytes()
    except OSError:
        return False


def import_module(name: str) -> None:
    """Import a user's module; JobImportError tells what went wrong in it, and where."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error
    except (Exception, SystemExit) as error:
        raise JobImportError(name, f"{type(error).__name__}: {error}{_place(error)}") from error


def _missing(name: str, error: ModuleNotFoundError) -> JobImportError:
    if error.name == name or name.startswith(f"{error.name}."):
        where = "in the project, on PYTHONPATH or installed here"
        return JobImportError(name, f"there is no {error.name} {where}")
    reason = f"it needs {error.name}, which is not installed here{_place(error)}"
    return JobImportError(name, reason, error.name)


def _place(error: BaseException) -> str:
    """Where a user's own line raised *error*, in brackets."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames if _is_users(frame.filename)]
    return f" ({places[-1]})" if places else ""


def _is_users(filename: str) -> bool:
    return filename not in (__file__, importlib.__file__) and not filename.startswith("<frozen")


JOBS.add(Job(KEY, command, None, command.__module__))
