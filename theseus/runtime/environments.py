"""`python -m theseus.runtime.environments DIRECTORY PROJECT LOGIN`: one that is there, if any.

Here: the command line of looking for the shared environment of a project; DIRECTORY is that of the
run's files on this node, LOGIN that of those on the login node. Never here: building one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Iterator, Sequence

from theseus.runtime.shelf import REFERENCE, Project, Shelf, project_at, shelf_of, take

MISSING = 69  # exit status: it has to be built


def main(words: Sequence[str]) -> int:
    """DIRECTORY PROJECT LOGIN; 0 when the project has its environment now."""
    node_dir, directory, login = map(Path, words)
    try:
        project = project_at(directory, os.environ)
        found = any(take(project, shelf, node_dir) for shelf in _shelves(project, login))
    except OSError as error:
        print(f"error: {error}", flush=True)
        return 1
    return 0 if found else MISSING


def _shelves(project: Project, login: Path) -> Iterator[Shelf]:
    """Where its environment may be: first the one that was built on the login node, if any."""
    if (login / REFERENCE).is_symlink():
        yield Shelf((login / REFERENCE).readlink())
    yield shelf_of(project, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
