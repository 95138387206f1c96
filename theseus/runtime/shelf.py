"""The shelf: where the shared environment lies that a project needs, and its being used.

An environment is built under a name that nobody else has, and is never changed once a link with
its key as the name points to it. Every run looks here, so little is imported. Never here: building.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Mapping, NamedTuple

from theseus.runtime.environment_key import environment_key

ENVIRONMENTS = "environments"  # beneath share
REFERENCE = "environment"  # in a run directory: a link to the environment that the run uses


class Project(NamedTuple):
    """A directory that wants an environment, by its *requirements*: a lock file or a plain list."""

    directory: Path
    requirements: Path
    work_dir: Path

    @property
    def venv(self) -> Path:
        """Where its environment is looked for: a link to a shared one, or its own."""
        return self.directory / ".venv"


class Shelf(NamedTuple):
    """The place of one shared environment; *link* points to it once it is complete."""

    link: Path

    @property
    def unshareable(self) -> Path:
        """A file that says why no environment with this key can be shared."""
        return self.link.with_name(f"{self.link.name}.own")

    def complete(self) -> bool:
        """Whether the environment is there, and its Python on this node."""
        return os.access(self.link / "bin/python", os.X_OK)


def project_at(directory: Path, environment: Mapping[str, str]) -> Project:
    """The project in *directory*, with its lock, which a workspace keeps at its root."""
    work_dir = Path(environment["THESEUS_WORK_DIR"])
    for above in (directory, *directory.parents):
        if (above / "uv.lock").is_file():
            return Project(directory, above / "uv.lock", work_dir)
        if above == work_dir:
            break
    return Project(directory, directory / "requirements.txt", work_dir)


def shelf_of(project: Project, environment: Mapping[str, str]) -> Shelf:
    """Where the environment of *project* lies if it is shared."""
    key = environment_key(project.directory, project.requirements, project.work_dir, environment)
    return Shelf(Path(environment["THESEUS_SHARE"], ENVIRONMENTS, key))


def take(project: Project, shelf: Shelf, node_dir: Path) -> bool:
    """Have *project* use the environment of *shelf* if it is there; *node_dir* says that it does.

    That is said first: nobody removes an environment that a run refers to.
    """
    replace_link(node_dir / REFERENCE, shelf.link)
    if not shelf.complete():
        return False
    replace_link(project.venv, Path(os.path.realpath(shelf.link)))
    with suppress(OSError):  # of another user, or on storage that is read-only here
        os.utime(shelf.link, follow_symlinks=False)  # when it was used last
    say(f"the environment is there: {shelf.link}")
    return True


def replace_link(link: Path, target: Path) -> None:
    """Make *link* point to *target*, in place of what was there."""
    if link.is_symlink() or not link.is_dir():
        link.unlink(missing_ok=True)
    else:
        from theseus.runtime.removal import remove  # noqa: PLC0415 - rare: of a start before

        remove(link)
    link.symlink_to(target)


def say(text: str) -> None:
    """Print a line of theseus' own to the log."""
    print(f"theseus: {text}", flush=True)
