"""`python -m theseus.runtime.resource NAME`: a file of theseus/sh, out of the runtime's own zip.

Here: printing it byte for byte. Never here: choosing one.
"""

from __future__ import annotations

import pkgutil
import sys


def main(name: str) -> int:
    """Print the file *name* of theseus/sh; the exit status is 1 when there is none."""
    try:
        content = pkgutil.get_data("theseus", f"sh/{name}")
    except OSError:
        content = None
    if content is None:
        sys.stderr.write(f"the runtime holds no {name}\n")
        return 1
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
