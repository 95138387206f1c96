"""The jobs there are for a directory, and where each is defined.

Here: the places that name modules with jobs, asked in order, and what they give. Never here:
running a job. No module is imported to list its jobs unless its text does not name them.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field

from theseus.base.command import KEY, command
from theseus.core.config.decode import nearest_or_all
from theseus.core.values import frozen
from theseus.effects.reading.job_catalogue import (
    Catalogue,
    Entry,
    JobProblem,
    importing,
    merged,
    within,
)
from theseus.effects.reading.job_source import Declarations, declarations, located
from theseus.registry import (
    ENTRY_POINTS,
    JOBS,
    JobImportError,
    entry_point_modules,
    import_module,
    key_problem,
)

__all__ = ["Catalogue", "Entry", "JobProblem", "discover"]


@frozen
class _Place:
    """A directory asked about, with the import roots of the project it belongs to."""

    start: Path
    project: Path
    roots: tuple[Path, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        candidates = dict.fromkeys((self.project / "src", self.project, self.start))
        object.__setattr__(self, "roots", tuple(path for path in candidates if path.is_dir()))

    def searched(self) -> tuple[Path, ...]:
        return (*self.roots, *(Path(entry).absolute() for entry in sys.path if entry))

    def paths(self, root: Path) -> tuple[str, ...]:
        """The import roots, *root* first; none when *root* belongs to the environment."""
        if not root.is_relative_to(self.project) or "site-packages" in root.parts:
            return ()
        ordered = dict.fromkeys((root, *self.roots))
        return tuple(Path(os.path.relpath(path, self.start)).as_posix() for path in ordered)


def discover(start_directory: Path, load: Sequence[str] = ()) -> Catalogue:
    """The jobs of *start_directory*: built in, registered, installed, the project's, then *load*.

    What is wrong in one place is reported and hides none of the jobs of the others.
    """
    start = start_directory.absolute()
    pyproject = _nearest_pyproject(start)
    place = _Place(start, start if pyproject is None else pyproject.parent)
    found: list[Entry | JobProblem] = [Entry(KEY, None), *_registered(place), *_installed(place)]
    if pyproject is not None:
        found.extend(_declared_by(pyproject, place))
    for module in load:
        found.extend(_module_jobs(module, f"--load {module}", place))
    return merged(start, found)


def _nearest_pyproject(start: Path) -> Path | None:
    files = (directory / "pyproject.toml" for directory in (start, *start.parents))
    return next((file for file in files if file.is_file()), None)


def _registered(place: _Place) -> Iterator[Entry | JobProblem]:
    """Jobs of modules that this process has imported already, as a script that dispatches has."""
    for job in JOBS.registered():
        where = f"registered by {job.title}"
        if job.module == "__main__":
            what = f"job {job.key!r} is in the script itself, which no host can import; "
            yield JobProblem(where, f"{what}move it into a module")
        elif job.key != KEY:
            spot = located(job.module, place.searched())
            paths = () if spot is None else place.paths(spot[0])
            yield Entry(job.key, job.module, paths, job.config is not None, where)


def _installed(place: _Place) -> Iterator[Entry | JobProblem]:
    """Jobs of installed packages: an entry point holds the key, so only the class is looked up."""
    for key, module in entry_point_modules().items():
        where = f"entry point {key} of {ENTRY_POINTS}"
        problem = key_problem(key)
        spot = located(module, place.searched())
        if problem is not None:
            yield JobProblem(where, problem)
        elif spot is None:
            yield Entry(key, module, (), has_config=True, origin=where)
        elif module != command.__module__:
            yield Entry(key, module, place.paths(spot[0]), _may_have_config(spot[1], key), where)


def _may_have_config(file: Path, key: str) -> bool:
    declared = _read(file, str(file))
    if isinstance(declared, JobProblem):
        return True
    return next((job.has_config for job in declared.jobs if job.key == key), True)


def _declared_by(pyproject: Path, place: _Place) -> Iterator[Entry | JobProblem]:
    import tomllib  # noqa: PLC0415  for projects that have a pyproject.toml

    where = f"{pyproject}, jobs of [tool.theseus]"
    try:
        table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield JobProblem(str(pyproject), f"cannot be read: {error}")
        return
    yield from _unknown_keys(pyproject, table)
    match table.get("tool", {}):
        case {"theseus": {"jobs": [*modules]}} if all(isinstance(name, str) for name in modules):
            for module in modules:
                yield from _module_jobs(module, where, place)
        case {"theseus": {"jobs": other}}:
            what = f"expected a list of module names, got {other!r}; write jobs = ['my.module']"
            yield JobProblem(where, what)
        case _:  # a project without jobs
            pass


def _unknown_keys(pyproject: Path, table: Mapping[str, Any]) -> Iterator[JobProblem]:
    match table:
        case {"tool": {"theseus": {**own}}}:
            for key in sorted(map(str, own.keys() - {"jobs"})):
                said = f"unknown key {key!r}{nearest_or_all(key, ('jobs',))}"
                yield JobProblem(f"{pyproject}, [tool.theseus]", said)
        case _:  # a project that says nothing to theseus
            pass


def _module_jobs(module: str, where: str, place: _Place) -> Iterator[Entry | JobProblem]:
    """The jobs of a named module, by its text if that names them all, else by importing it."""
    if not all(part.isidentifier() for part in module.split(".")):
        yield JobProblem(where, f"{module!r} is no module name; write it as an import would")
        return
    spot = located(module, place.searched())
    if spot is None:
        yield from _imported_jobs(module, where, place, ())
        return
    root, file = spot
    declared = _read(file, where)
    if isinstance(declared, JobProblem):
        yield declared
    elif not declared.complete:
        yield from _imported_jobs(module, where, place, place.paths(root))
    else:
        for job in declared.jobs:
            problem = key_problem(job.key)
            entry = Entry(job.key, module, place.paths(root), job.has_config, where)
            yield entry if problem is None else JobProblem(f"{where}: {file}", problem)


def _read(file: Path, where: str) -> Declarations | JobProblem:
    try:
        return declarations(file)
    except (SyntaxError, OSError, ValueError) as error:
        return JobProblem(where, f"{file}: {error}")


def _imported_jobs(
    module: str, where: str, place: _Place, paths: tuple[str, ...]
) -> Iterator[Entry | JobProblem]:
    before, known = set(JOBS.registered()), module in sys.modules
    try:
        with importing(place.roots):
            import_module(module)
    except JobImportError as error:
        yield JobProblem(where, str(error))
        return
    after = JOBS.registered()
    jobs = [job for job in after if job not in before or within(job.module, module)]
    if not jobs and not known:  # one imported earlier has had its jobs listed as registered
        yield JobProblem(where, f"module {module} registers no job")
    for job in jobs:
        yield Entry(job.key, module, paths, job.config is not None, where)
