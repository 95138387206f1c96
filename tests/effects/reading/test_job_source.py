"""Reading the jobs that a module declares without importing it."""

from pathlib import Path

import pytest

from theseus.effects.reading.job_source import Declarations, Declared, declarations, located

JOB = "from theseus.registry import job\n"


def read(directory: Path, text: str) -> Declarations:
    """The declarations of a file with that text."""
    file = directory / "module.py"
    file.write_text(text)
    return declarations(file)


@pytest.mark.parametrize(
    "text",
    [
        f"{JOB}@job('a/b')\ndef run(cfg, spec): ...",
        f"{JOB}@job('a/b')\nclass Run: ...",
        f"{JOB}def run(cfg, spec): ...\njob('a/b')(run)",
        "from theseus.registry import JOBS, job as mark\n@mark('a/b')\ndef run(cfg, spec): ...",
        "import theseus.registry\n@theseus.registry.job('a/b')\ndef run(cfg, spec): ...",
        "import os, theseus.registry as r\n@r.job('a/b')\ndef run(cfg, spec): ...",
        "from theseus import registry\n@registry.job('a/b')\ndef run(cfg, spec): ...",
        "from theseus import registry as r\n@r.job('a/b', config=None)\ndef run(cfg, spec): ...",
        f"{JOB}import torch_that_is_nowhere\n@job('a/b')\ndef run(cfg, spec): ...\nf()('x')\n",
    ],
)
def test_a_literal_key_is_read(tmp_path: Path, text: str) -> None:
    """However the decorator is imported, a literal key is found, and nothing is imported."""
    assert read(tmp_path, text) == Declarations((Declared("a/b", has_config=False),), complete=True)


def test_a_config_class_is_seen(tmp_path: Path) -> None:
    """Whether a job has a config class is read too, for each job of a module."""
    text = f"{JOB}@job('a', config=Settings)\ndef a(c, s): ...\n@job('b')\ndef b(c, s): ...\n"
    jobs = (Declared("a", has_config=True), Declared("b", has_config=False))
    assert read(tmp_path, text) == Declarations(jobs, complete=True)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (f"{JOB}KEY = 'a'\n@job(KEY)\ndef a(c, s): ...\n@job('b')\ndef b(c, s): ...\n", ["b"]),
        (f"{JOB}@job(key='a')\ndef a(c, s): ...\n", []),
        (f"{JOB}@job(f'a{{1}}')\ndef a(c, s): ...\n", []),
        ("from other import job\n@job('a')\ndef a(c, s): ...\n", []),
        ("from . import jobs\n", []),
        ("", []),
    ],
)
def test_a_text_that_does_not_tell_all_is_incomplete(
    tmp_path: Path, text: str, keys: list[str]
) -> None:
    """A computed key, and a module that names no job itself, cannot be read from the text."""
    found = read(tmp_path, text)
    assert not found.complete
    assert [job.key for job in found.jobs] == keys


def test_a_file_in_another_encoding_is_read(tmp_path: Path) -> None:
    """The encoding that a source file declares is the one it is read in."""
    file = tmp_path / "module.py"
    file.write_bytes(
        f"# coding: latin-1\n{JOB}# é\n@job('a')\ndef a(c, s): ...\n".encode("latin-1")
    )
    assert declarations(file).complete


def test_a_module_is_a_file_or_a_package(tmp_path: Path) -> None:
    """A dotted name is looked for in each root in turn, as a package before as a file."""
    first, second = tmp_path / "first", tmp_path / "second"
    (second / "lab" / "jobs").mkdir(parents=True)
    (second / "lab" / "jobs" / "__init__.py").touch()
    (second / "lab" / "jobs.py").touch()
    (second / "lab" / "more.py").touch()
    roots = (first, second)
    assert located("lab.jobs", roots) == (second, second / "lab" / "jobs" / "__init__.py")
    assert located("lab.more", roots) == (second, second / "lab" / "more.py")
    assert located("lab.none", roots) is None
