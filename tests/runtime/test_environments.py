"""Environments that runs share: real bootstraps and a real uv, several runs on one host."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve

from tests.runtime.host import Site, Source, until
from tests.runtime.projects import environments, packaged, self_built, virtual

pytestmark = pytest.mark.slow

UV = """\
#!/bin/sh
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
echo $$ >>"$HOME/builds"
{then}
ln -s /bin/true "$UV_PROJECT_ENVIRONMENT/bin/python"
"""
PRINT_PREFIX = ("python", "-c", "import os, sys; print('in', os.path.realpath(sys.prefix))")


def finish(site: Site) -> None:
    """Run the bootstrap of *site*, which has to end well."""
    assert site.run() == 0, site.log


def test_later_runs_use_what_the_first_built(site: Site) -> None:
    """An environment is built once; it outlives the run, and the next needs no uv."""
    site.lay(Source(files=virtual(), command=PRINT_PREFIX))
    finish(site)
    (built,) = environments(site.home)
    site.tool("uv", "#!/bin/sh\nexit 1\n")
    finish(site.another("r2", Source(files=virtual(other="x"), command=PRINT_PREFIX)))
    assert environments(site.home) == [built]
    assert site.log.count(f"in {site.home}/share/environments/{built}\n") == 2
    assert site.log.count("building the environment") == 1


def test_each_run_finds_its_own_source(site: Site) -> None:
    """A shared environment has the project's scripts and metadata, and imports the run's source."""
    site.lay(Source(files=packaged("one"), command=("tiny",)))
    finish(site)
    two = site.another("r2", Source(files=packaged("two"), command=("tiny",)))
    finish(two)
    assert len(environments(site.home)) == 1
    module = "src/tiny/__init__.py of version 1"
    assert f"one from {site.work_dir}/{module}" in site.log
    assert f"two from {two.work_dir}/{module}" in site.log


def test_a_build_that_nobody_can_foretell(site: Site) -> None:
    """Where the source may decide what is installed, runs of the same tree alone share."""
    site.lay(Source(files=self_built("one"), command=("tiny",)))
    finish(site)
    finish(site.another("r2", Source(files=self_built("one"), command=("tiny",))))
    assert len(environments(site.home)) == 1
    finish(site.another("r3", Source(files=self_built("two"), command=("tiny",))))
    assert len(environments(site.home)) == 2


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (self_built("own", extra="open('src/tiny/made.py', 'w')"), "writes 'src/tiny/made.py'"),
        (self_built("own", more="'tiny_finder.py': '',"), "installs tiny_finder.py"),
        (self_built("own", more="'tiny_x.pth': 'import os',"), "holds more than a path"),
    ],
)
def test_a_build_tied_to_its_directory(site: Site, files: dict[str, str], why: str) -> None:
    """A project whose build does more than name a path has an environment for each run."""
    site.lay(Source(files=files, command=("tiny",)))
    finish(site)
    two = site.another("r2", Source(files=files, command=("tiny",)))
    finish(two)
    assert environments(site.home) == []
    assert site.log.count(why) == 1  # the second run knows it from the first
    for each in (site, two):
        assert f"own from {each.work_dir}/src/tiny/__init__.py" in site.log


def test_an_environment_for_each_run_where_none_can_be_shared(site: Site) -> None:
    """A share in which nothing can be made costs time, not the run."""
    (site.home / "share").mkdir()
    (site.home / "share/environments").write_text("no directory")
    site.lay(Source(files=virtual(), command=PRINT_PREFIX))
    finish(site)
    assert f"in {site.work_dir}/.venv\n" in site.log
    assert "no environment can be shared here" in site.log


def test_an_environment_whose_python_is_gone(site: Site) -> None:
    """A node that lacks the Python of a shared environment builds its own."""
    site.lay(Source(files=virtual(), command=PRINT_PREFIX))
    finish(site)
    (built,) = environments(site.home)
    binaries = site.home / "share/environments" / built / "bin"
    binaries.chmod(0o755)
    (binaries / "python").unlink()
    two = site.another("r2", Source(files=virtual(), command=PRINT_PREFIX))
    finish(two)
    assert f"in {two.work_dir}/.venv\n" in site.log


def test_an_environment_somebody_deleted(site: Site) -> None:
    """What is missing is built again."""
    site.lay(Source(files=virtual(), command=PRINT_PREFIX))
    finish(site)
    (built,) = environments(site.home)
    shutil.rmtree(site.home / "share/environments" / built)
    finish(site.another("r2", Source(files=virtual(), command=PRINT_PREFIX)))
    assert site.log.count("building the environment") == 2
    assert len(environments(site.home)) == 1


def test_a_shared_environment_is_read_only(site: Site) -> None:
    """Nothing can be added to what other runs use, and `uv run` takes it as it is."""
    script = "ls -ld .venv/lib/python*/site-packages; uv run python -c 'import tiny; tiny.main()'"
    site.lay(Source(files=packaged("one"), command=("bash", "-ec", script)))
    finish(site)
    assert "dr-xr-xr-x" in site.log
    assert f"one from {site.work_dir}/src/tiny/__init__.py" in site.log
    assert site.outcome["work_dir"] is None


def test_a_list_of_requirements(site: Site) -> None:
    """Without a project the nearest requirements.txt is installed, on the host's Python."""
    files = {"requirements.txt": "./lib\n", **{f"lib/{k}": v for k, v in packaged("x").items()}}
    script = f"import tiny; tiny.main(); {PRINT_PREFIX[-1]}"
    source = Source(files={**files, "exp/a": ""}, command=("python", "-c", script))
    site.lay(evolve(source, subdirectory="exp"))
    finish(site)
    (built,) = environments(site.home)
    assert f"in {site.home}/share/environments/{built}\n" in site.log
    assert "/site-packages/tiny/__init__.py of version 1\n" in site.log


def test_a_list_of_requirements_that_cannot_be_had(site: Site) -> None:
    """The end names what failed."""
    site.lay(Source(files={"requirements.txt": "./missing\n"}))
    assert site.run() != 0
    assert site.outcome["message"].startswith("uv pip install failed (")
    assert "fresh clone (uv pip install -r requirements.txt)" in site.outcome["message"]


def test_a_login_node(site: Site) -> None:
    """An environment built on the login node serves a node that could not build it."""
    login = {"UV_NO_BUILD_ISOLATION": "1"}  # as if the Pythons of the two differed
    site.lay(Source(files=packaged("x"), command=("tiny",), secrets={"TOKEN": "t"}))
    site.environment.update(login)
    assert site.start("login").wait() == 0, site.log
    assert not (site.run_dir / "outcome.json").exists()
    assert not (site.run_dir / "login/source").exists()
    assert not site.work_dir.exists()
    assert (site.run_dir / "secrets.env").exists()
    for name in login:
        del site.environment[name]
    site.tool("uv", "#!/bin/sh\nexit 1\n")
    finish(site)
    assert len(environments(site.home)) == 1
    assert f"x from {site.work_dir}/src/tiny/__init__.py" in site.log


def test_a_login_node_that_cannot(site: Site) -> None:
    """What cannot be built there for the nodes is refused, and no secret stays behind."""
    files = self_built("own", more="'tiny_finder.py': '',")
    site.lay(Source(files=files, secrets={"TOKEN": "t"}))
    assert site.start("login").wait() == 1
    assert "cannot be built on a login node: set `env_on: node`" in site.log
    assert not (site.run_dir / "secrets.env").exists()
    site.another("r2", Source(setup="exit 4\n")).start("login").wait()
    assert not (site.run_dir / "outcome.json").exists()


def test_a_failed_build_leaves_nothing(site: Site) -> None:
    """A build that fails is not taken for an environment, nor does it stay."""
    site.lay(Source(files=self_built("x", extra="raise OSError('no')"), command=("tiny",)))
    assert site.run() != 0
    assert site.outcome["stage"] == "environment"
    assert environments(site.home) == []


def module(site: Site, run: int) -> subprocess.Popen[bytes]:
    """A process that builds the environment of a run of its own, as bootstrap.sh starts it."""
    directory, work_dir = site.home / f"runs/{run}", site.home / f"work/{run}"
    for path in (directory, work_dir):
        path.mkdir(parents=True)
    for name, text in virtual().items():
        (work_dir / name).write_text(text)
    variables = {
        **site.environment,
        "PYTHONPATH": str(site.runtime),
        "THESEUS_WORK_DIR": str(work_dir),
        "THESEUS_SHARE": str(site.home / "share"),
    }
    words = (str(directory), str(work_dir), "uv")
    with (site.home / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "theseus.runtime.environment_build", *words],
            env=variables,
            stdout=log,
        )


def used(site: Site, run: int) -> str:
    """The name of the environment that such a run has."""
    return Path(os.path.realpath(site.home / f"work/{run}/.venv")).name


def test_a_hundred_runs_at_once(site: Site) -> None:
    """Of a hundred runs that start together one builds, and all use what it has built."""
    site.tool("uv", UV.format(then="sleep 0.5"))
    started = [module(site, run) for run in range(100)]
    assert {process.wait() for process in started} == {0}
    assert {used(site, run) for run in range(100)} == set(environments(site.home))
    assert len((site.home / "builds").read_text().splitlines()) == 1


def test_a_builder_that_was_killed(site: Site) -> None:
    """A run that dies while it builds holds up nobody, and what it left is removed."""
    site.tool("uv", UV.format(then="exec sleep 60"))
    killed = module(site, 1)
    until(lambda: (site.home / "builds").exists() and (site.home / "builds").read_text() != "")
    killed.kill()
    killed.wait()
    (left,) = environments(site.home)
    site.tool("uv", UV.format(then="true"))
    began = time.monotonic()
    assert module(site, 2).wait() == 0
    assert time.monotonic() - began < 5
    assert environments(site.home) == [used(site, 2)] != [left]
    os.kill(int((site.home / "builds").read_text().splitlines()[0]), signal.SIGKILL)
