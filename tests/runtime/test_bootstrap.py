"""bootstrap.sh on its way from a run directory to a finished job, with real processes."""

import gzip
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.host import Site, Source

pytestmark = pytest.mark.slow

UV = Path(sys.executable).parent / "uv"
PROJECT = """\
[project]
name = "tiny"
version = "1"
requires-python = ">=3.9"

[tool.uv]
package = false
"""
LOCK = """\
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "tiny"
version = "1"
source = { virtual = "." }
"""


def test_a_job_that_succeeds(site: Site) -> None:
    """A job that ends with 0 completes, and nothing of it is left in the work directory's place."""
    site.lay(Source(files={"train.sh": 'echo "hello from $PWD"\n'}))
    assert site.run() == 0
    assert f"hello from {site.work_dir}" in site.log
    assert site.outcome["state"] == "completed"
    assert site.outcome["work_dir"] is None
    assert not site.work_dir.exists()
    assert site.metadata["state"] == "completed"


def test_a_job_that_fails(site: Site) -> None:
    """The exit status of the job is the bootstrap's, and the work directory is kept and named."""
    site.lay(Source(command=("bash", "-c", "exit 3")))
    assert site.run() == 3
    assert site.outcome["state"] == "failed"
    assert (site.outcome["exit_status"], site.outcome["stage"]) == (3, "job")
    assert site.outcome["message"] == "ended with exit status 3"
    assert site.outcome["work_dir"] == str(site.work_dir)
    assert f"theseus: the work directory is kept: {site.work_dir}" in site.log
    assert site.metadata["exit_status"] == 3


def test_a_job_killed_by_a_signal(site: Site) -> None:
    """A job that a signal ends gives 128 and the signal's number."""
    site.lay(Source(command=("bash", "-c", "kill -KILL $$")))
    assert site.run() == 137
    assert (site.outcome["exit_status"], site.outcome["signal"]) == (137, 9)
    assert "runs out of memory" in site.outcome["message"]


def test_a_command_that_is_not_there(site: Site) -> None:
    """A program that cannot be started is named."""
    site.lay(Source(command=("no-such-program",)))
    assert site.run() == 1
    assert "no-such-program" in site.outcome["message"]
    assert site.metadata["state"] == "failed"


def test_a_job_that_leaves_a_file(site: Site) -> None:
    """A work directory that holds a result is kept, and the log says which file it is."""
    site.lay(Source(command=("bash", "-c", "mkdir out; echo 1 >out/result")))
    assert site.run() == 0
    assert site.outcome["work_dir"] == str(site.work_dir)
    assert (site.work_dir / "out/result").exists()
    assert "the job left 'out/result'" in site.log


def test_a_job_that_leaves_what_tools_rebuild(site: Site) -> None:
    """Caches and empty directories are no reason to keep a work directory."""
    site.lay(Source(command=("bash", "-c", "mkdir -p a/__pycache__ b; echo 1 >a/__pycache__/c")))
    assert site.run() == 0
    assert not site.work_dir.exists()


def test_a_damaged_archive(site: Site) -> None:
    """An archive that cannot be unpacked fails the unpack stage and leaves nothing half done."""
    site.lay(Source(files={"data": os.urandom(100_000), "train.sh": "true"}))
    site.archive.write_bytes(site.archive.read_bytes()[:50_000])
    assert site.run() == 1
    assert site.outcome["stage"] == "unpack"
    assert f"cannot unpack {site.archive}" in site.outcome["message"]
    assert site.outcome["work_dir"] is None
    assert list(site.work_dir.parent.iterdir()) == []
    assert site.metadata["state"] == "failed"


def test_an_archive_of_other_source(site: Site) -> None:
    """Source whose tree hash is not the one sent is refused."""
    site.lay(Source(variables={"THESEUS_TREE": "0" * 40}))
    assert site.run() == 1
    assert site.outcome["stage"] == "unpack"
    assert f"not {'0' * 40}" in site.outcome["message"]
    assert not site.work_dir.exists()


def test_a_missing_archive(site: Site) -> None:
    """A source archive that is not there is named."""
    site.lay(Source())
    site.archive.unlink()
    assert site.run() == 1
    assert f"{site.archive} is not there" in site.outcome["message"]


def test_a_zstd_archive(site: Site) -> None:
    """An archive whose name ends in .zst is read by zstd."""
    zst = site.home / "share/trees/tree.tar.zst"
    site.lay(Source(variables={"THESEUS_ARCHIVE": str(zst)}))
    tar = gzip.decompress(site.archive.read_bytes())
    subprocess.run(["zstd", "-qo", zst], input=tar, check=True)
    assert site.run() == 0


def test_a_host_without_python(site: Site) -> None:
    """Where no Python is found the end is recorded all the same, as JSON."""
    site.lay(Source())
    for name in ("bash", "cat", "date", "grep", "mkdir", "mktemp", "mv", "rm", "tail", "tee"):
        (site.tools / name).symlink_to(f"/usr/bin/{name}")
    site.environment["PATH"] = str(site.tools)
    assert site.run() == 1
    assert "no python3 of version 3.9 or later" in site.outcome["message"]
    assert site.outcome["state"] == "failed"
    assert site.metadata["run"]["id"] == "r1"


def test_an_old_python_first_on_the_path(site: Site) -> None:
    """A python3 that is too old is passed over; `python3` means the one found, for the job too."""
    site.tool("python3", "#!/bin/sh\nexit 1\n")
    site.lay(Source(command=("bash", "-c", "python3 -c 'print(6 * 7)'; python -c 'print(7 * 8)'")))
    assert site.run() == 0
    assert "42\n56\n" in site.log


def test_setup_that_fails(site: Site) -> None:
    """The first failing line of `setup` ends the run and is named."""
    site.lay(Source(setup="export A=1\nmodule_of_no_site load cuda\nexport B=2\n"))
    assert site.run() == 127
    assert site.outcome["stage"] == "environment"
    assert "module_of_no_site load cuda" in site.outcome["message"]


def test_setup_that_exits(site: Site) -> None:
    """Even a `setup` that exits leaves a record."""
    site.lay(Source(setup="exit 5\n"))
    assert site.run() == 5
    assert site.outcome["state"] == "failed"


def test_setup_that_is_careless(site: Site) -> None:
    """Setup may use unset variables, change directory, umask and traps, and sets what jobs see."""
    careless = "echo $NOT_SET\ncd /\numask 777\ntrap - EXIT TERM\nIFS=x\nexport FROM_SETUP=yes\n"
    site.lay(Source(setup=careless, command=("bash", "-c", "echo got $FROM_SETUP")))
    assert site.run() == 0
    assert "got yes" in site.log
    assert site.outcome["state"] == "completed"


def test_the_callers_environment(site: Site) -> None:
    """What shells and Pythons read on their own does not reach the job; an odd umask is mended."""
    names = ("BASH_ENV", "ENV", "CDPATH", "PYTHONHOME", "PYTHONPATH")
    site.environment.update(dict.fromkeys(names, "/nowhere"))
    site.lay(
        Source(
            setup="umask 0777\n",
            command=("bash", "-c", f"env | grep -E '^({'|'.join(names)})=' || true"),
        )
    )
    assert site.run() == 0
    assert "/nowhere" not in site.log.replace("/nowhere: No such file", "")


HOSTILE = (
    *("PATH", "HOME", "PYTHONHOME", "IFS", "LD_LIBRARY_PATH", "LD_PRELOAD", "BASH_ENV", "TMPDIR"),
    *("TAR_OPTIONS", "POSIXLY_CORRECT", "FUNCNEST", "LC_ALL", "SLURM_PROCID"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_variables(site: Site, name: str) -> None:
    """No variable of the user's breaks what bootstrap does: the job gets it, and secrets leave."""
    value = "1" if name == "FUNCNEST" else "/nowhere"
    command = ("/bin/bash", "-c", f'/usr/bin/printf "found <%s>\\n" "${name}"')
    site.lay(Source(command=command, variables={name: value}, secrets={"TOKEN": "1"}))
    site.run()
    assert not (site.run_dir / "secrets.env").exists()
    assert site.outcome["stage"] == "job", site.log
    if name == "PYTHONHOME":
        assert site.outcome["state"] == "failed"
    elif name != "IFS":  # bash takes none from its environment
        assert f"{value}>" in site.log


def test_hostile_secrets(site: Site) -> None:
    """Nor does a secret, of all of these names at once."""
    site.lay(Source(secrets=dict.fromkeys(HOSTILE, "/nowhere")))
    assert site.run() != 0
    assert site.outcome["stage"] == "job", site.log
    assert "PYTHONHOME or LD_LIBRARY_PATH" in site.outcome["message"]
    assert not (site.run_dir / "secrets.env").exists()
    assert "/nowhere" not in (site.run_dir / "outcome.json").read_text()


MODULE_COMMAND = """\
module() {
  echo "module $*, unset: $NOT_SET"
  [ "$2" != absent ] || { echo "Unable to locate a modulefile for 'absent'"; return 1; }
  export LOADED="$LOADED:$2"
}
export -f module
"""


def test_modules(site: Site) -> None:
    """Modules are loaded before `setup`, with the host's own command, which the job has too."""
    init = site.home / "modules/init/bash"
    init.parent.mkdir(parents=True)
    init.write_text(MODULE_COMMAND)
    site.environment["MODULESHOME"] = str(site.home / "modules")
    site.lay(
        Source(
            modules=("cuda/12.4", "it's"),
            setup='echo "setup has $LOADED"\n',
            command=("bash", "-c", 'module load more; echo "job has $LOADED"'),
        )
    )
    assert site.run() == 0, site.log
    assert "module load cuda/12.4 it's, unset: \nsetup has :cuda/12.4\n" in site.log
    assert "job has :cuda/12.4:more\n" in site.log


def test_modules_that_are_not_there(site: Site) -> None:
    """A module that is not there ends the run, and so does a host without the command."""
    site.lay(Source(modules=("absent",)))
    assert site.run() == 1
    assert site.outcome["stage"] == "environment"
    assert "this host has no `module` command" in site.outcome["message"]
    assert "wants the modules absent" in site.outcome["message"]
    again = Site(site.home / "again", site.runtime)
    again.lay(Source(modules=("absent",)))
    init = again.home / "lmod/init/bash"
    init.parent.mkdir(parents=True)
    init.write_text(MODULE_COMMAND)
    again.environment["LMOD_PKG"] = str(again.home / "lmod")
    assert again.run() == 1
    assert "setup failed with exit status 1 at: module load absent" in again.outcome["message"]
    assert "Unable to locate a modulefile" in again.log


def test_setup_does_not_choose_gpus(site: Site) -> None:
    """Where it is decided which GPUs a run has, `setup` changes nothing of it."""
    site.environment["CUDA_VISIBLE_DEVICES"] = "GPU-1"
    setup = "export CUDA_VISIBLE_DEVICES=7 HIP_VISIBLE_DEVICES=5\n"
    script = 'echo "sees $CUDA_VISIBLE_DEVICES and $HIP_VISIBLE_DEVICES"'
    site.lay(Source(setup=setup, command=("bash", "-c", script)))
    assert site.run() == 0, site.log
    assert "sees GPU-1 and 5\n" in site.log


def test_setup_that_leaves_its_shell(site: Site) -> None:
    """A `setup` that exits as if all was well has not been done to its end."""
    site.lay(Source(setup="exit 0\n"))
    assert site.run() == 1
    assert "setup left its shell before its end" in site.outcome["message"]


def test_nothing_of_the_environment_is_left(site: Site) -> None:
    """What the job is to find in its environment lies in no file but those that were sent."""
    canary = "canary-of-the-setup"
    site.environment["TMPDIR"] = str(site.home)
    setup = f"export DERIVED={canary}\nulimit -n 77\numask 077\n"
    script = 'echo "$DERIVED" | wc -c; ulimit -n; umask; trap - TERM; kill -TERM $PPID; sleep 9'
    site.lay(Source(setup=setup, command=("bash", "-c", script), secrets={"TOKEN": canary}))
    assert site.run() == 143
    assert site.outcome["state"] == "preempted"
    assert f"{len(canary) + 1}\n77\n" in site.log
    holding = [path for path in site.home.rglob("*") if path.is_file()]
    holding = [path for path in holding if canary.encode() in path.read_bytes()]
    assert {path.name for path in holding} == {"secrets.env", "setup.sh"}


@pytest.mark.parametrize("name", ["child", "status", "IFS", "stage", "TAR_OPTIONS", "LINES"])
def test_the_users_variables(site: Site, name: str) -> None:
    """A variable of the user arrives byte for byte, whatever its name."""
    value = 'it\'s "a"\n&\\ $(false) é'
    site.lay(
        Source(
            variables={name: value},
            command=("python3", "-c", f"import os; print(ascii(os.environ[{name!r}]))"),
        )
    )
    assert site.run() == 0
    assert ascii(value) in site.log


def test_secrets_leave_with_the_end(site: Site) -> None:
    """secrets.env is read by the job and gone when it has ended, well or badly."""
    site.lay(Source(secrets={"TOKEN": "s'3"}, command=("bash", "-c", 'echo "${#TOKEN}"; exit 4')))
    assert site.run() == 4
    assert "3\ntheseus: " in site.log
    assert not (site.run_dir / "secrets.env").exists()


def test_a_job_below_the_top_of_its_source(site: Site) -> None:
    """The job starts in the directory in which its user stood."""
    site.lay(
        Source(files={"a b/c/here.txt": "yes"}, subdirectory="a b/c", command=("cat", "here.txt"))
    )
    assert site.run() == 0
    assert "yes" in site.log


def test_a_directory_the_source_lacks(site: Site) -> None:
    """A subdirectory that is not in the source is named."""
    site.lay(Source(subdirectory="nowhere"))
    assert site.run() == 1
    assert "no directory nowhere" in site.outcome["message"]


def test_a_run_that_has_ended_does_not_start_again(site: Site) -> None:
    """A second start of a finished run changes nothing."""
    site.lay(Source())
    assert site.run() == 0
    before = site.outcome
    assert site.run() == 1
    assert "this run has ended" in site.log
    assert site.outcome == before


def test_the_files_of_a_run_are_readable_by_their_owner(site: Site) -> None:
    """An umask that takes everything away does not make a run unreadable."""
    site.lay(Source())
    old = os.umask(0o777)
    try:
        process = site.start()
    finally:
        os.umask(old)
    (site.home / "log").chmod(0o600)
    assert process.wait(timeout=60) == 0
    mode = (site.run_dir / "outcome.json").stat().st_mode
    assert mode & stat.S_IRUSR


def test_a_colon_in_the_runs_name(tmp_path: Path, runtime_zip: Path) -> None:
    """A name with a colon, which search paths cannot hold, is a name like any other."""
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK, "jobs.py": ""}
    site = Site(tmp_path, runtime_zip, work_name="a:b")
    site.lay(Source(files=files, command=("python3", "-c", "import sys; print(sys.prefix)")))
    assert site.run() == 0, site.log
    assert f"{site.run_dir}/venv\n" in site.log


def test_a_colon_in_the_runtimes_path(site: Site, tmp_path: Path) -> None:
    """A runtime below a directory with a colon is reached by another name."""
    (tmp_path / "a:b").mkdir()
    site.runtime = Path(shutil.copy(site.runtime, tmp_path / "a:b/runtime.zip"))
    site.lay(Source())
    assert site.run() == 0, site.log


def test_a_project_with_a_lock(site: Site) -> None:
    """The locked environment is built, its Python runs the job, and it leaves with the source."""
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    script = "import os, sys; print('in', sys.prefix, os.environ['VIRTUAL_ENV'])"
    site.lay(Source(files=files, command=("python", "-c", script)))
    assert site.run() == 0
    venv = str(site.work_dir / ".venv")
    assert f"in {venv} {venv}" in site.log
    assert not site.work_dir.exists()


def test_a_project_above_the_job(site: Site) -> None:
    """The nearest project at or above the job's directory counts; tool settings are no project."""
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK, "exp/pyproject.toml": "[tool.ruff]\n"}
    site.lay(
        Source(
            files={**files, "exp/a.sh": "command -v python\n"},
            command=("bash", "a.sh"),
            subdirectory="exp",
        )
    )
    assert site.run() == 0
    assert f"{site.work_dir}/.venv/bin/python" in site.log


def test_tool_settings_alone(site: Site) -> None:
    """A pyproject.toml that only configures tools needs no environment."""
    site.lay(Source(files={"pyproject.toml": "[tool.ruff]\n", "train.sh": "true"}))
    assert site.run() == 0
    assert "uv sync" not in site.log


def test_a_project_without_a_lock(site: Site) -> None:
    """A project without uv.lock is refused, with what to do."""
    site.lay(Source(files={"pyproject.toml": PROJECT}))
    assert site.run() == 1
    assert site.outcome["stage"] == "environment"
    assert "run `uv lock`, commit uv.lock" in site.outcome["message"]


def test_uv_sync_that_fails(site: Site) -> None:
    """What uv says and its exit status are in the outcome, and the work directory is kept."""
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    site.lay(Source(files=files, variables={"THESEUS_UV_GROUPS": "nope"}))
    assert site.run() != 0
    assert site.outcome["stage"] == "environment"
    assert "uv sync failed" in site.outcome["message"]
    assert "(error: Group `nope` is not defined" in site.outcome["message"]
    assert site.outcome["work_dir"] == str(site.work_dir)


def test_the_groups_uv_is_asked_for(site: Site) -> None:
    """Each group is named to uv, and `dev` is left out unless it is one of them."""
    recorder = '#!/bin/sh\n[ "$1" = --version ] || { echo "uv: $*"; exit 6; }\n'
    site.tool("uv", recorder)
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    site.lay(Source(files=files, variables={"THESEUS_UV_GROUPS": "gpu extra"}))
    assert site.run() == 6
    assert "uv: sync --frozen --no-dev --group gpu --group extra --compile-bytecode\n" in site.log


def test_the_group_dev(site: Site) -> None:
    """Asking for `dev` gives it."""
    site.tool("uv", '#!/bin/sh\n[ "$1" = --version ] || { echo "uv: $*"; exit 6; }\n')
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    site.lay(Source(files=files, variables={"THESEUS_UV_GROUPS": "dev"}))
    assert site.run() == 6
    assert "uv: sync --frozen --group dev --compile-bytecode\n" in site.log


def test_uv_in_the_home(site: Site) -> None:
    """A uv in ~/.local/bin is found, though it is not on PATH."""
    site.tool("uv", "#!/bin/sh\nexit 1\n")
    (site.home / ".local/bin").mkdir(parents=True)
    (site.home / ".local/bin/uv").symlink_to(UV)
    site.lay(Source(files={"pyproject.toml": PROJECT, "uv.lock": LOCK, "train.sh": "true"}))
    assert site.run() == 0


def test_uv_that_must_be_installed_and_cannot(site: Site) -> None:
    """Where uv is missing and cannot be installed, the end says what to do."""
    site.tool("uv", "#!/bin/sh\nexit 1\n")
    (site.home / "share").mkdir()
    (site.home / "share/tools").write_text("no directory")
    site.lay(Source(files={"pyproject.toml": PROJECT, "uv.lock": LOCK}))
    assert site.run() == 1
    assert "cannot install uv" in site.outcome["message"]
    assert "install it on this host yourself" in site.outcome["message"]
    assert site.outcome["stage"] == "environment"


def test_uv_that_must_be_installed(site: Site) -> None:
    """Where uv is missing the pinned one is installed, its hash checked, beside the other runs."""
    site.tool("uv", "#!/bin/sh\nexit 1\n")
    site.environment.update({name: value for name, value in os.environ.items() if "PIP_" in name})
    site.lay(Source(files={"pyproject.toml": PROJECT, "uv.lock": LOCK, "train.sh": "true"}))
    assert site.run() == 0, site.log
    installed = [path.name for path in (site.home / "share/tools").glob("uv-*")]
    assert len(installed) == 1
