"""`python -m theseus.runtime.environments DIRECTORY PROJECT`: the environment, if it is there.

Here: the command line of looking for the shared environment of a project; DIRECTORY is that of the
run's files on this node. Never here: building one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Sequence

from theseus.runtime.shelf import project_at, shelf_of, take

MISSING = 69  # exit status: it has to be built


def main(words: Sequence[str]) -> int:
    """DIRECTORY PROJECT; 0 when the project has its environment now."""
    node_dir, directory = map(Path, words)
    try:
        project = project_at(directory, os.environ)
        return 0 if take(project, shelf_of(project, os.environ), node_dir) else MISSING
    except OSError as error:
        print(f"error: {error}", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
