"""Finding the jobs of a directory."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from theseus.effects.reading.jobs import Catalogue, Entry, discover
from theseus.registry import JOBS, Job, JobImportError, UnknownJob

JOB = "from theseus.registry import job\n"
TRAIN = f"{JOB}@job('lab/train', config=None)\ndef train(cfg, spec): return 'trained'\n"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """What a test registers or imports is gone after it, and there is nothing at its start."""
    jobs, path, modules = dict(JOBS._jobs), list(sys.path), set(sys.modules)
    for key in set(jobs) - {"command"}:
        del JOBS._jobs[key]
    yield
    JOBS._jobs.clear()
    JOBS._jobs.update(jobs)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    importlib.invalidate_caches()


def project(directory: Path, declared: str, files: dict[str, str]) -> Path:
    """A project with a pyproject.toml and source files."""
    (directory / "pyproject.toml").write_text(declared)
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def naming(*modules: str) -> str:
    """A pyproject.toml that names modules with jobs."""
    return f"[tool.theseus]\njobs = {list(modules)!r}\n"


def installed(directory: Path, entry_points: str) -> None:
    """A package that is installed in a directory on the path."""
    metadata = directory / "lab-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[theseus.jobs]\n{entry_points}\n")
    sys.path.insert(0, str(directory))


def said(catalogue: Catalogue) -> list[str]:
    """The problems as people read them."""
    return [str(problem) for problem in catalogue.problems]


def test_command_is_always_there(tmp_path: Path) -> None:
    """A directory without a project has the built-in job, which needs no import."""
    catalogue = discover(tmp_path)
    assert catalogue.keys() == ("command",)
    assert catalogue.find("command") == Entry("command", None)
    assert catalogue.load("command") is JOBS["command"]
    assert catalogue.problems == ()


def test_a_project_names_its_modules(tmp_path: Path) -> None:
    """The jobs of a module named in pyproject.toml are listed without importing it."""
    start = project(tmp_path, naming("nanolab.jobs"), {"src/nanolab/jobs.py": TRAIN})
    catalogue = discover(start)
    where = f"{tmp_path}/pyproject.toml, jobs of [tool.theseus]"
    entry = Entry("lab/train", "nanolab.jobs", ("src", "."), has_config=False, origin=where)
    assert catalogue.find("lab/train") == entry
    assert catalogue.keys() == ("command", "lab/train")
    assert "nanolab" not in sys.modules
    assert catalogue.load("lab/train").run({}, None) == "trained"
    assert not list(tmp_path.rglob("__pycache__"))


def test_paths_are_relative_to_where_the_user_stands(tmp_path: Path) -> None:
    """The nearest pyproject.toml above counts, and its import roots are told from below it."""
    project(tmp_path, naming("flatlab"), {"flatlab.py": TRAIN, "deep/down/x.txt": ""})
    entry = discover(tmp_path / "deep" / "down").find("lab/train")
    assert entry is not None
    assert entry.paths == ("../..", ".")


def test_a_nearer_project_hides_a_farther_one(tmp_path: Path) -> None:
    """Only the nearest pyproject.toml is read."""
    project(tmp_path, naming("flatlab"), {"flatlab.py": TRAIN, "inner/pyproject.toml": ""})
    assert discover(tmp_path / "inner").keys() == ("command",)


def test_modules_can_be_named_on_the_command_line(tmp_path: Path) -> None:
    """`--load` finds a module beside the user, with no project at all."""
    (tmp_path / "loadlab.py").write_text(TRAIN)
    entry = discover(tmp_path, ["loadlab"]).find("lab/train")
    assert entry == Entry("lab/train", "loadlab", (".",), origin="--load loadlab")


def test_an_installed_package_names_its_jobs(tmp_path: Path) -> None:
    """An entry point is listed with no import, its config class seen in the text, and no paths."""
    (tmp_path / "site").mkdir()
    text = f"{JOB}@job('lab/a', config=A)\ndef a(c, s): ...\n@job('lab/b')\ndef b(c, s): ...\n"
    (tmp_path / "site" / "entrylab.py").write_text(text)
    (tmp_path / "site" / "brokenlab.py").write_text("def f(:")
    points = "lab/a = entrylab:a\nlab/b=entrylab:b\nlab/c = nowhere:c\nlab/d = brokenlab\n"
    installed(tmp_path / "site", f"{points}bad key = entrylab:a\nlab/e = entrylab:e")
    (tmp_path / "here").mkdir()
    catalogue = discover(tmp_path / "here")
    found = {entry.key: (entry.has_config, entry.paths) for entry in catalogue.entries}
    assert found == {
        "command": (False, ()),
        "lab/a": (True, ()),
        "lab/b": (False, ()),
        "lab/c": (True, ()),
        "lab/d": (True, ()),
        "lab/e": (True, ()),
    }
    (problem,) = said(catalogue)
    assert problem.startswith("entry point bad key of theseus.jobs: job key 'bad key': use letters")
    assert "entrylab" not in sys.modules
    with pytest.raises(JobImportError, match="there is no nowhere"):
        catalogue.load("lab/c")


def test_an_environment_inside_the_project_is_not_shipped(tmp_path: Path) -> None:
    """A package in the project's own environment has no import roots; an editable one has."""
    site = tmp_path / ".venv" / "lib" / "site-packages"
    installed(site, "lab/venv = venvlab\nlab/train = ownlab")
    (site / "venvlab.py").write_text(TRAIN.replace("lab/train", "lab/venv"))
    project(tmp_path, "", {"src/ownlab.py": TRAIN})
    catalogue = discover(tmp_path)
    paths = {entry.key: entry.paths for entry in catalogue.entries}
    assert paths == {"command": (), "lab/venv": (), "lab/train": ("src", ".")}


def test_a_computed_key_is_found_by_importing(tmp_path: Path) -> None:
    """A module whose text does not name its jobs is imported, and its config classes are seen."""
    text = (
        f"{JOB}from dataclasses import dataclass\n@dataclass\nclass S:\n    x: int = 1\n"
        "for n in range(2):\n    job(f'lab/{n}', config=S)(lambda cfg, spec: cfg.x)\n"
    )
    text = text.replace("lambda cfg, spec: cfg.x", "type(f'J{n}', (), {'__call__': print})")
    project(tmp_path, naming("loopy"), {"loopy.py": text})
    catalogue = discover(tmp_path)
    assert said(catalogue) == []
    assert catalogue.keys() == ("command", "lab/0", "lab/1")
    entry = catalogue.find("lab/1")
    assert entry is not None
    assert (entry.module, entry.paths, entry.has_config) == ("loopy", (".",), True)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_package_may_import_the_modules_with_jobs(tmp_path: Path) -> None:
    """Naming a package is enough, also when the process lists twice."""
    files = {"pack/__init__.py": "from . import inner\nimport othermod\n", "pack/inner.py": TRAIN}
    other = TRAIN.replace("lab/train", "lab/other")
    project(tmp_path, naming("pack"), {**files, "othermod.py": other})
    first, second = discover(tmp_path), discover(tmp_path)
    assert first.keys() == second.keys() == ("command", "lab/other", "lab/train")
    assert said(first) == said(second) == []
    assert first.load("lab/train").run({}, None) == "trained"


def test_jobs_registered_by_the_process_are_there(tmp_path: Path) -> None:
    """A script that imported its jobs need not name them; one in the script itself cannot go."""
    project(tmp_path, "", {"src/scriptlab.py": TRAIN})
    sys.path.insert(0, str(tmp_path / "src"))
    importlib.import_module("scriptlab")
    JOBS.add(Job("lab/main", print, None, "__main__"))
    JOBS.add(Job("lab/lost", print, None, "nowhere_now"))
    catalogue = discover(tmp_path)
    train = catalogue.find("lab/train")
    assert train is not None
    assert (train.module, train.paths) == ("scriptlab", ("src", "."))
    assert catalogue.keys() == ("command", "lab/lost", "lab/train")
    (problem,) = said(catalogue)
    assert problem.startswith(
        "registered by __main__.print: job 'lab/main' is in the script itself"
    )


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (
            "[tool.theseus]\njobs = 'a'",
            "jobs of [tool.theseus]: expected a list of module names, got 'a'",
        ),
        ("[tool.theseus]\njobs = [1]", "expected a list of module names, got [1]"),
        ("[tool.theseus]\njob = ['a']", "unknown key 'job'; did you mean 'jobs'?"),
        ("[tool.theseus]\njobs = []\nmodules = ['a']", "unknown key 'modules'; known are jobs"),
        ("[tool.theseus\n", "pyproject.toml: cannot be read:"),
        (naming("jobs.py!"), "'jobs.py!' is no module name"),
        (naming("nosuchlab"), "module nosuchlab cannot be imported: there is no nosuchlab in the"),
        (naming("broken"), "broken.py: invalid syntax (broken.py, line 1)"),
        (naming("undecodable"), "undecodable.py: 'utf-8' codec can't decode"),
        (naming("heavy"), "module heavy cannot be imported: it needs nonexistent_torch, which"),
        (naming("nojobs"), "module nojobs registers no job"),
        (naming("badkey"), "badkey.py: job key 'a b': use letters"),
        (naming("one", "two"), "job 'lab/train' is both in one and in two; rename one"),
        (naming("own"), "job 'command' is both in theseus and in own; rename one"),
    ],
)
def test_a_problem_hides_no_other_job(tmp_path: Path, declared: str, problem: str) -> None:
    """What is wrong in one place is said with its place, and other places give their jobs."""
    files = {
        "good.py": TRAIN.replace("lab/train", "lab/good"),
        "broken.py": "def f(:",
        "heavy.py": "import nonexistent_torch\n",
        "nojobs.py": "",
        "badkey.py": f"{JOB}@job('a b')\ndef f(c, s): ...\n",
        "one.py": TRAIN,
        "two.py": TRAIN,
        "own.py": TRAIN.replace("lab/train", "command"),
    }
    project(tmp_path, declared, files)
    (tmp_path / "undecodable.py").write_bytes(b"\n\n\n# \xff\n")
    catalogue = discover(tmp_path, ["good"])
    assert len(catalogue.problems) == 1
    assert problem in said(catalogue)[0]
    assert catalogue.find("lab/good") is not None


def test_a_missing_dependency_does_not_hide_a_literal_key(tmp_path: Path) -> None:
    """A job whose module cannot be imported here is listed, and loading it says what it needs."""
    text = f"{JOB}import nonexistent_torch\n@job('lab/heavy')\ndef train(cfg, spec): ...\n"
    project(tmp_path, naming("heavylab"), {"heavylab.py": text})
    catalogue = discover(tmp_path)
    assert catalogue.problems == ()
    with pytest.raises(JobImportError, match="heavylab cannot be imported: it needs nonexistent_"):
        catalogue.load("lab/heavy")


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    """A key that no place gives is answered with those that look like it."""
    catalogue = discover(project(tmp_path, naming("flat"), {"flat.py": TRAIN}))
    assert catalogue.find("lab/trian") is None
    assert catalogue.nearest("lab/trian") == ("lab/train",)
    with pytest.raises(UnknownJob, match=r"did you mean lab/train\?"):
        catalogue.load("lab/trian")


def test_an_unreadable_pyproject_is_said(tmp_path: Path) -> None:
    """A pyproject.toml that is not text is a problem, not a crash."""
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    assert "pyproject.toml: cannot be read:" in said(discover(tmp_path))[0]


def test_listing_imports_nothing_heavy(tmp_path: Path) -> None:
    """In a fresh process, listing a project's jobs runs none of the project's code."""
    text = f"print('imported!')\n{TRAIN}"
    project(tmp_path, naming("loudlab"), {"loudlab.py": text})
    code = (
        "from pathlib import Path; from theseus.effects.reading.jobs import discover;"
        "print(*discover(Path()).keys())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "command lab/train\n"
