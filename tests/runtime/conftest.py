"""The fixtures of the runtime's tests."""

import zipfile
from pathlib import Path

import pytest

from tests.runtime.host import ROOT, Site


@pytest.fixture(scope="session")
def runtime_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime as it is shipped."""
    path = tmp_path_factory.mktemp("zip") / "runtime.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for each in ("__init__.py", "registry.py", "sh/uv-requirements.txt", "base", "runtime"):
            found = ROOT / "theseus" / each
            for file in sorted(found.rglob("*.py")) if found.is_dir() else [found]:
                archive.write(file, file.relative_to(ROOT))
    return path


@pytest.fixture
def site(tmp_path: Path, runtime_zip: Path) -> Site:
    """A host whose paths hold spaces and quotes."""
    return Site(tmp_path / 'it\'s a "home"', runtime_zip)
