"""`python -m theseus.runtime.environments find|build …`: environments, built once for many runs.

Here: having a project use one, having uv build one, and giving a run its own where none can be
shared. Never here: where shared ones lie, what a key depends on, or what ties an environment to a
work directory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

from theseus.runtime.detachment import AttachedError, detach
from theseus.runtime.environment_key import environment_key
from theseus.runtime.leftovers import Stamp, contents, leftover
from theseus.runtime.shelf import Shelf, remove, say

MISSING = 69  # exit status of `find`: it has to be built
REFERENCE = "environment"  # in a run directory: the environment that the run uses


@dataclass(frozen=True)
class Project:
    """A directory that wants an environment, by its *requirements*: a lock file or a plain list."""

    directory: Path
    requirements: Path
    work_dir: Path

    @property
    def venv(self) -> Path:
        """Where its environment is looked for: a link to a shared one, or its own."""
        return self.directory / ".venv"


def find(project: Project, shelf: Shelf, node_dir: Path) -> bool:
    """Have *project* use the environment of *shelf* if it is there; *node_dir* says that it does.

    That is said first: nobody removes an environment that a run refers to.
    """
    _replace_link(node_dir / REFERENCE, shelf.link)
    if not shelf.complete():
        return False
    _replace_link(project.venv, Path(os.path.realpath(shelf.link)))
    with suppress(OSError):  # of another user, or on storage that is read-only here
        os.utime(shelf.link, follow_symlinks=False)  # when it was used last
    say(f"the environment is there: {shelf.link}")
    return True


def _replace_link(link: Path, target: Path) -> None:
    if link.is_symlink() or not link.is_dir():
        link.unlink(missing_ok=True)
    else:
        remove(link)  # of a start before this one
    link.symlink_to(target)


def build(project: Project, shelf: Shelf, node_dir: Path, uv: str) -> None:
    """Give *project* an environment; CalledProcessError when uv fails."""
    try:
        with shelf.locked():
            if shelf.unshareable.exists() or find(project, shelf, node_dir):
                pass
            elif _built(project, shelf, uv):
                find(project, shelf, node_dir)
    except OSError as error:
        say(f"no environment can be shared here ({error}): this run gets its own")
    if not project.venv.is_symlink():
        _build_own(project, uv)
        (node_dir / REFERENCE).unlink(missing_ok=True)


def _built(project: Project, shelf: Shelf, uv: str) -> bool:
    """Whether an environment was built that others can use as well."""
    if shelf.complete():
        return True
    if shelf.link.exists():
        say(f"the Python of {shelf.link} is not on this node: this run gets its own environment")
        return False
    made = shelf.build_directory()
    say(f"building the environment {shelf.link}")
    before = contents(project.work_dir)
    try:
        _install(project, uv, made, "--compile-bytecode")
        _check_source(project.work_dir, before)
        detach(made, project.work_dir)
        shelf.publish(made)
    except AttachedError as why:
        remove(made)
        say(f"its environment cannot be shared with other runs: {why}")
        shelf.unshareable.write_text(f"{why}\n", encoding="utf-8")
        return False
    except BaseException:
        remove(made)
        raise
    return True


def _check_source(work_dir: Path, before: Mapping[str, Stamp]) -> None:
    written = leftover(work_dir, before)
    if written is not None:
        raise AttachedError(f"its build writes {written!r} into the source")


def _build_own(project: Project, uv: str) -> None:
    say(f"building the environment {project.venv}")
    _install(project, uv, project.venv)


def _install(project: Project, uv: str, environment: Path, *options: str) -> None:
    if project.requirements.name == "requirements.txt":
        _run(uv, project, environment, "venv", "--python", sys.executable, str(environment))
        target = ("--python", str(environment), "-r", str(project.requirements))
        _run(uv, project, environment, "pip", "install", *target, *options)
    else:
        groups = _groups(os.environ.get("THESEUS_UV_GROUPS", "").split())
        _run(uv, project, environment, "sync", "--frozen", *groups, *options)


def _groups(names: Sequence[str]) -> List[str]:
    # uv installs `dev` unless it is told not to
    chosen = [] if "dev" in names else ["--no-dev"]
    for name in names:
        chosen += ["--group", name]
    return chosen


def _run(uv: str, project: Project, environment: Path, *words: str) -> None:
    variables: Dict[str, str] = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)}
    variables.pop("PYTHONPATH", None)  # on which this runtime is
    subprocess.run([uv, *words], check=True, cwd=str(project.directory), env=variables)


def _requirements(project: Path, work_dir: Path) -> Path:
    """The lock of *project*, which a workspace keeps at its root, or its requirements.txt."""
    for directory in (project, *project.parents):
        if (directory / "uv.lock").is_file():
            return directory / "uv.lock"
        if directory == work_dir:
            break
    return project / "requirements.txt"


def main(words: Sequence[str]) -> int:
    """`find DIRECTORY PROJECT` or `build DIRECTORY PROJECT UV`; uv's status when it fails.

    DIRECTORY is that of the run's files on this node.
    """
    what, node_dir, directory = words[0], Path(words[1]), Path(words[2])
    work_dir = Path(os.environ["THESEUS_WORK_DIR"])
    project = Project(directory, _requirements(directory, work_dir), work_dir)
    key = environment_key(directory, project.requirements, work_dir, os.environ)
    shelf = Shelf(Path(os.environ["THESEUS_SHARE"], "environments", key))
    try:
        if what == "find":
            found = find(project, shelf, node_dir)
            return 0 if found else MISSING
        build(project, shelf, node_dir, words[3])
    except subprocess.CalledProcessError as error:
        return error.returncode if error.returncode > 0 else 1  # uv said why itself
    except OSError as error:
        print(f"error: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
