"""Projects for environments: a package with a script, locked as uv locks it."""

from collections.abc import Mapping
from pathlib import Path

LOCK = """\
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "tiny"
version = "1"
source = {{ {kind} = "." }}

[package.metadata]

[package.metadata.requires-dev]
gpu = []
"""
VIRTUAL = """\
[project]
name = "tiny"
version = "1"
requires-python = ">=3.9"

[tool.uv]
package = false
"""
PACKAGED = """\
[project]
name = "tiny"
version = "1"
requires-python = ">=3.9"

[project.scripts]
tiny = "tiny:main"

[dependency-groups]
gpu = []

[build-system]
"""
# uv brings this one along
UV_BUILD = """\
requires = ["uv_build>=0.8,<1"]
build-backend = "uv_build"
"""
OWN_BUILD = """\
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# PEP 660, as small as it can be: it needs nothing from an index
BACKEND = """\
import os, zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(directory, settings=None, metadata=None):
    {extra}
    files = {{
        "tiny.pth": os.path.abspath("src") + "\\n",
        "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n",
        "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nTag: py3-none-any\\n",
        "tiny-1.dist-info/entry_points.txt": "[console_scripts]\\ntiny = tiny:main\\n",
        {more}
    }}
    names = "".join(name + ",,\\n" for name in [*files, "tiny-1.dist-info/RECORD"])
    with zipfile.ZipFile(os.path.join(directory, "tiny-1-py3-none-any.whl"), "w") as wheel:
        for name, text in [*files.items(), ("tiny-1.dist-info/RECORD", names)]:
            wheel.writestr(name, text)
    return "tiny-1-py3-none-any.whl"
"""
MODULE = """\
from importlib.metadata import version

def main():
    print("{word} from", __file__, "of version", version("tiny"))
"""


def virtual(**files: str) -> Mapping[str, str]:
    """A project that is not installed itself."""
    return {"pyproject.toml": VIRTUAL, "uv.lock": LOCK.format(kind="virtual"), **files}


def packaged(word: str, build: str = UV_BUILD) -> Mapping[str, str]:
    """A project that is installed with its script, which prints *word*."""
    return {
        "pyproject.toml": PACKAGED + build,
        "uv.lock": LOCK.format(kind="editable"),
        "src/tiny/__init__.py": MODULE.format(word=word),
    }


def self_built(word: str, extra: str = "pass", more: str = "") -> Mapping[str, str]:
    """Such a project with a backend of its own.

    *extra* is done by its build, *more* are further files that it installs.
    """
    return {**packaged(word, OWN_BUILD), "backend.py": BACKEND.format(extra=extra, more=more)}


def environments(home: Path) -> list[str]:
    """What lies beneath `share/environments` of a host, less what is not an environment."""
    found = (home / "share/environments").iterdir()
    return sorted(path.name for path in found if path.is_dir() and not path.is_symlink())
