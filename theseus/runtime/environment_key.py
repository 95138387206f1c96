"""What the environment of a project is known by: runs with the same key share one.

Here: everything that decides what `uv` installs, hashed. Where it is not certain that the project's
own files have no part in it, the whole source tree has. Never here: making an environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Iterator, List, Mapping, Tuple

SCHEME = "1"  # one more whenever environments are made in another way
# What in UV_* says how uv works, not what it installs.
_MANNERS = re.compile(
    r"UV_(CACHE_DIR|LINK_MODE|OFFLINE|NO_PROGRESS|PROJECT_ENVIRONMENT|COMPILE_BYTECODE"
    r"|CONCURRENT_\w+|\w+_TIMEOUT|HTTP_RETRIES|NATIVE_TLS|SYSTEM_CERTS|PYTHON_INSTALL_DIR)"
)
_SETTINGS = ("uv.toml", ".python-version", ".python-versions")
# uv writes one source to a line: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
_LOCAL = re.compile(r'^source = \{ (editable|virtual|directory|path) = "(.*?)"', re.MULTILINE)
_KNOWN_BACKEND = re.compile(
    r"""^\s*build-backend\s*=\s*["'](uv_build|hatchling\.build|setuptools\.build_meta"""
    r"""|flit_core\.buildapi|pdm\.backend|poetry\.core\.masonry\.api)["']""",
    re.MULTILINE,
)
_COMPUTED = re.compile(r"^\s*dynamic\s*=|hooks|backend-path|ext-modules|include", re.MULTILINE)
_NAME = re.compile(r"""^\s*name\s*=\s*["']([A-Za-z0-9._-]{1,60})["']""", re.MULTILINE)
_BUILD_FILES = ("setup.py", "setup.cfg", "hatch_build.py")
_PLAIN_REQUIREMENT = re.compile(
    r"\s*(#.*|--(index-url|extra-index-url|hash)[ =]\S+\s*\\?|[A-Za-z0-9][^/@]*)?"
)


def environment_key(
    project: Path, requirements: Path, work_dir: Path, environment: Mapping[str, str]
) -> str:
    """The key of the environment of *project*, its name before it for people.

    *requirements* is its uv.lock or requirements.txt; *work_dir* holds the whole source.
    """
    parts: List[object] = [
        SCHEME,
        os.path.relpath(project, work_dir),
        _text(project / "pyproject.toml"),
        os.path.relpath(requirements, project),
        _text(requirements),
        sorted(environment.get("THESEUS_UV_GROUPS", "").split()),
        [f"{path.name}: {_text(path)}" for path in _settings(project, work_dir)],
        sorted(_uv_variables(environment)),
        _python(),
    ]
    parts.append(
        _layout(project) if _stands_alone(project, requirements) else environment["THESEUS_TREE"]
    )
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_name(project)}-{digest[:20]}"


def _name(project: Path) -> str:
    """What people call the project: only for them to read."""
    found = _NAME.search(_text(project / "pyproject.toml"))
    return "project" if found is None else found.group(1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, IsADirectoryError):
        return ""


def _settings(project: Path, work_dir: Path) -> Iterator[Path]:
    """Files in which uv finds settings, from *project* up to the top of the source."""
    for directory in (project, *project.parents):
        yield from (directory / name for name in _SETTINGS if (directory / name).is_file())
        if directory == work_dir:
            return


def _uv_variables(environment: Mapping[str, str]) -> Iterator[Tuple[str, str]]:
    for name, value in environment.items():
        if name.startswith("UV_") and not _MANNERS.fullmatch(name):
            yield name, value


def _python() -> List[object]:
    """The Python that was found here: nodes of one kind have the same, others need another."""
    libc = None
    with suppress(AttributeError, OSError, ValueError):  # where there is no glibc
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    system = os.uname()
    version = list(sys.version_info[:3])
    return [os.path.realpath(sys.executable), version, system.sysname, system.machine, libc]


def _stands_alone(project: Path, requirements: Path) -> bool:
    """Whether these texts decide alone what is installed, not other files of the source."""
    if requirements.name == "requirements.txt":
        lines = _text(requirements).splitlines()
        return all(_PLAIN_REQUIREMENT.fullmatch(line) for line in lines)
    local = _LOCAL.findall(_text(requirements))
    if requirements.parent != project or [path for _, path in local if path != "."]:
        return False
    if all(kind == "virtual" for kind, _ in local):
        return True  # the project itself is not installed
    pyproject = _text(project / "pyproject.toml")
    return (
        _KNOWN_BACKEND.search(pyproject) is not None
        and _COMPUTED.search(pyproject) is None
        and not any((project / name).exists() for name in _BUILD_FILES)
    )


def _layout(project: Path) -> List[str]:
    """Names by which build backends tell where the packages of a project lie."""
    found = [*project.glob("*"), *project.glob("src/*")]
    packages = (path for path in found if path.suffix == ".py" or (path / "__init__.py").exists())
    return sorted(str(path.relative_to(project)) for path in packages)
