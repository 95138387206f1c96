"""`python -m theseus.runtime.environment_build DIRECTORY PROJECT UV`: builds an environment.

Here: building one under a lock for all runs that need it, and giving a run its own where none can
be shared. Never here: where it lies, what it depends on, or what ties it to a work directory.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Sequence

from theseus.runtime.detachment import AttachedError, detach
from theseus.runtime.leftovers import Stamp, contents, leftover
from theseus.runtime.removal import remove
from theseus.runtime.shelf import REFERENCE, Project, Shelf, project_at, say, shelf_of, take


def build(project: Project, shelf: Shelf, node_dir: Path, uv: str) -> None:
    """Give *project* an environment; CalledProcessError when uv fails."""
    shared = False
    try:
        with _alone(shelf):
            shared = take(project, shelf, node_dir) or (
                _built(project, shelf, uv) and take(project, shelf, node_dir)
            )
    except OSError as error:
        say(f"no environment can be shared here ({error}): this run gets its own")
    if not shared:
        (node_dir / REFERENCE).unlink(missing_ok=True)
        _build_own(project, uv)


@contextmanager
def _alone(shelf: Shelf) -> Iterator[None]:
    """Alone among the runs that want this environment; the kernel ends it with the process."""
    shelf.link.parent.mkdir(parents=True, exist_ok=True)
    with shelf.link.with_name(f"{shelf.link.name}.lock").open("a") as lock:
        with suppress(OSError):  # where a file system has no locks the link decides
            _lock(lock.fileno())
        yield


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another run builds this environment: waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _built(project: Project, shelf: Shelf, uv: str) -> bool:
    """Whether an environment was built that others can use as well."""
    if shelf.unshareable.exists():
        return False
    if shelf.link.exists():
        say(f"the Python of {shelf.link} is not on this node: this run gets its own environment")
        return False
    made = _build_directory(shelf)
    say(f"building the environment {shelf.link}")
    before = contents(project.work_dir)
    try:
        _install(project, uv, made, "--compile-bytecode")
        _check_source(project.work_dir, before)
        detach(made, project.work_dir)
        _publish(shelf, made)
    except AttachedError as why:
        remove(made)
        say(f"its environment cannot be shared with other runs: {why}")
        shelf.unshareable.write_text(f"{why}\n", encoding="utf-8")
        return False
    except BaseException:
        remove(made)
        raise
    return True


def _build_directory(shelf: Shelf) -> Path:
    """A new place to build it; what builds of this node left behind, which died, is removed."""
    node = os.uname().nodename
    used = os.path.realpath(shelf.link)
    for left in shelf.link.parent.glob(f"{shelf.link.name}.{node}.*"):
        if str(left) != used and not Path("/proc", left.name.rpartition(".")[2]).exists():
            remove(left)
    return shelf.link.with_name(f"{shelf.link.name}.{node}.{os.getpid()}")


def _publish(shelf: Shelf, built: Path) -> None:
    """Let all runs have the environment *built*, which nothing changes any more."""
    for path, _, _ in os.walk(built):
        Path(path).chmod(0o555)  # not the files: by hard links they are those of uv's cache
    if shelf.link.is_symlink() and not shelf.link.exists():
        shelf.link.unlink()  # somebody removed what it points to
    try:
        shelf.link.symlink_to(built.name)
    except FileExistsError:  # another was quicker, where there are no locks
        remove(built)


def _check_source(work_dir: Path, before: Mapping[str, Stamp]) -> None:
    written = leftover(work_dir, before)
    if written is not None:
        raise AttachedError(f"its build writes {written!r} into the source")


def _build_own(project: Project, uv: str) -> None:
    say(f"building the environment {project.venv}")
    if project.venv.is_symlink():
        project.venv.unlink()
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


def main(words: Sequence[str]) -> int:
    """DIRECTORY PROJECT UV; uv's exit status when it fails."""
    node_dir, directory, uv = words
    project = project_at(Path(directory), os.environ)
    try:
        build(project, shelf_of(project, os.environ), Path(node_dir), uv)
    except subprocess.CalledProcessError as error:
        return error.returncode if error.returncode > 0 else 1  # uv said why itself
    except OSError as error:
        print(f"error: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
