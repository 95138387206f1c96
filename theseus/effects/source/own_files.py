"""Own files: the plans and packed runs in a work tree that git does not know.

They are none of the source: nobody is warned of them, and none is shipped.
"""

import os
import stat
from pathlib import Path

from theseus.core.plan.modes import PRIVATE_FILE, PRIVATE_SCRIPT
from theseus.core.plan.own_files import LONGEST_BEGINNING, is_own
from theseus.effects.source.git_output import Change

_MODES = frozenset({PRIVATE_FILE, PRIVATE_SCRIPT})  # as they were written


def own_among(top: Path, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Those of *changes* below *top* that are files of theseus's own."""
    return tuple(change for change in changes if change.unknown and _is_own(top, change))


def _is_own(top: Path, change: Change) -> bool:
    path = top / os.fsdecode(change.path)
    try:
        mode = path.lstat().st_mode
        # most files are readable by others, so that hardly any has to be opened
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) not in _MODES:
            return False
        with path.open("rb") as file:
            return is_own(file.read(LONGEST_BEGINNING))
    except OSError:  # gone by now, or not to be read: git says what that means
        return False
