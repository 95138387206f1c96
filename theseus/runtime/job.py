"""`python -m theseus.runtime.job RUN_DIRECTORY`: a registered job, in a process of its own.

Here: importing the user's code and calling it. Never here: anything that must outlive a crash of
it; that is the supervisor's.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Optional

from theseus.registry import JOBS
from theseus.runtime.documents import read_document
from theseus.runtime.local import execution_spec, import_roots, job_config
from theseus.runtime.payload import read_payload, without_secrets
from theseus.runtime.processes import node_directory, processes
from theseus.runtime.run_directory import EXCEPTION_FILE, HARDWARE_FILE


def run_job(payload: Mapping[str, Any], start: Path) -> None:
    """Run the job of *payload* in the directory *start*; whatever it raises comes through."""
    cfg = job_config(payload, os.environ)
    spec = execution_spec(payload, os.environ)
    for name in set(os.environ) - set(without_secrets(os.environ)):
        del os.environ[name]
    # `python -m` put this directory first; what a script finds beside itself stands there instead.
    others = [entry for entry in sys.path if entry != str(Path.cwd())]
    sys.path[:] = [*import_roots(payload, start), *others]
    os.chdir(start)
    key, module = payload["job"]["key"], payload["job"]["module"]
    sys.argv[:] = [key]
    importlib.import_module(module)
    JOBS.imported(key, module).run(cfg, spec)


def main(run_dir: Path) -> int:
    """Run the job in *run_dir*; 1 when it raised, with the reason in a file for the supervisor."""
    payload = read_payload(run_dir)
    node_dir = node_directory(run_dir, processes(os.environ))
    payload["hardware"] = read_document(node_dir / HARDWARE_FILE)
    start = Path(os.environ["THESEUS_WORK_DIR"], os.environ.get("THESEUS_SUBDIRECTORY", ""))
    try:
        run_job(payload, start)
    except Exception as error:  # noqa: BLE001 - a job may raise anything; its traceback is printed
        traceback.print_exception(type(error), error, _from_user(error.__traceback__))
        reason = traceback.format_exception_only(type(error), error)[-1].strip()
        (node_dir / EXCEPTION_FILE).write_text(reason, encoding="utf-8", errors="replace")
        return 1
    return 0


def _from_user(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """The traceback less the frames of the runtime and of the import machinery it begins with."""
    at = trace
    while at is not None and _is_ours(at.tb_frame.f_globals.get("__name__", "")):
        at = at.tb_next
    return at or trace


def _is_ours(module: str) -> bool:
    return module == "__main__" or module.startswith(("theseus.", "importlib"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
