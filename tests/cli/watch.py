"""Run theseus and note each socket, process and file opened for writing; sys.audit tells of all.

python watch.py NOTES WORDS…
"""

import os
import sys

notes = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
STARTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "os.fork", "os.forkpty")
CHANGES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate")


def writes(path: object, _: object, flags: object) -> bool:
    """Whether opening *path*, no descriptor, with *flags* is for writing."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    return not isinstance(path, int) and isinstance(flags, int) and bool(flags & writing)


def note(event: str, arguments: tuple[object, ...]) -> None:
    """Write down what *event* touches."""
    if event.startswith("socket."):
        line = f"socket {event}"
    elif event in STARTS:
        line = f"start {arguments[0] if arguments else event}"
    elif event in CHANGES or (event == "open" and writes(*arguments)):
        line = f"write {arguments[0]}"
    else:
        return
    os.write(notes, os.fsencode(f"{line}\n"))


sys.addaudithook(note)
sys.argv = ["theseus", *sys.argv[2:]]
from theseus.cli import main  # noqa: E402  after the hook, which is to see the imports too

main()
