"""What decides over an environment: its key, from files and variables."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.runtime.projects import packaged, self_built, virtual
from theseus.runtime.environment_key import environment_key

TREE = {"THESEUS_TREE": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
OTHER_TREE = {"THESEUS_TREE": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"}


def key(
    source: Path, files: Mapping[str, str], variables: Mapping[str, str] = TREE, project: str = "."
) -> str:
    """The key of the environment of *project* in a source of *files*."""
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    requirements = "uv.lock" if "uv.lock" in files else "requirements.txt"
    return environment_key(source / project, source / requirements, source, variables)


def test_the_source_has_no_part_in_it(tmp_path: Path) -> None:
    """Runs of other code, in other directories, with another cache share an environment."""
    first = key(tmp_path / "one", packaged("one"), {**TREE, "UV_CACHE_DIR": "/a"})
    second = key(tmp_path / "two", {**packaged("two"), "notes.md": ""}, OTHER_TREE)
    assert first == second
    assert first.startswith("tiny-")


@pytest.mark.parametrize(
    "change",
    [
        {"pyproject.toml": packaged("one")["pyproject.toml"] + "# newer\n"},
        {"uv.lock": packaged("one")["uv.lock"] + "# newer\n"},
        {".python-version": "3.12"},
        {"uv.toml": "no-binary = true"},
        {"src/other/__init__.py": ""},
    ],
)
def test_files_that_decide(tmp_path: Path, change: Mapping[str, str]) -> None:
    """What uv and a build read is part of it."""
    files = packaged("one")
    assert key(tmp_path / "one", files) != key(tmp_path / "two", {**files, **change})


@pytest.mark.parametrize(
    "variables", [{"THESEUS_UV_GROUPS": "gpu"}, {"UV_PYTHON": "3.12"}, {"UV_NO_BINARY": "1"}]
)
def test_variables_that_decide(tmp_path: Path, variables: Mapping[str, str]) -> None:
    """Groups and what uv is told by the environment are part of it."""
    assert key(tmp_path, virtual()) != key(tmp_path, virtual(), {**TREE, **variables})


def test_the_order_of_groups(tmp_path: Path) -> None:
    """Groups are a set."""
    keys = {key(tmp_path, virtual(), {**TREE, "THESEUS_UV_GROUPS": g}) for g in ("a b", "b  a")}
    assert len(keys) == 1


def test_where_the_project_lies(tmp_path: Path) -> None:
    """The way from the top of the source to the project is part of it: its path file holds it."""
    for name, text in virtual().items():
        (tmp_path / "sub").mkdir(exist_ok=True)
        (tmp_path / "sub" / name).write_text(text)
    below = environment_key(tmp_path / "sub", tmp_path / "sub/uv.lock", tmp_path, TREE)
    assert below != key(tmp_path, virtual())


LOCAL = '\n[[package]]\nname = "lib"\nsource = {{ {kind} = "{path}" }}\n'


@pytest.mark.parametrize(
    "files",
    [
        self_built("one"),
        {**packaged("one"), "setup.py": ""},
        {**packaged("one"), "pyproject.toml": packaged("one")["pyproject.toml"] + "dynamic = []"},
        *(
            {**virtual(), "uv.lock": virtual()["uv.lock"] + LOCAL.format(kind=kind, path="lib")}
            for kind in ("editable", "directory", "path", "virtual")
        ),
        {"requirements.txt": "-e .\n"},
        {"requirements.txt": "numpy\n./wheels/a.whl\n"},
        {"requirements.txt": "a @ file:///a.whl\n"},
        {"requirements.txt": "-r more.txt\n"},
    ],
)
def test_a_source_that_may_decide(tmp_path: Path, files: Mapping[str, str]) -> None:
    """Where files of the source may be installed the whole tree is part of it."""
    assert key(tmp_path, files, TREE) != key(tmp_path, files, OTHER_TREE)


def test_plain_requirements(tmp_path: Path) -> None:
    """Requirements from an index are known by their text."""
    text = "# all\nnumpy>=2 ; python_version > '3.8' # why\n\ntorch==2.5 \\\n    --hash=sha256:aa\n"
    files = {"requirements.txt": f"--extra-index-url https://a.example/simple\n{text}"}
    assert key(tmp_path, files, TREE) == key(tmp_path, files, OTHER_TREE)
