"""What ships with theseus has the same bytes everywhere and holds what the remote side needs."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from theseus.effects.perform.package import PACKAGE, packaged_content, packaged_digest


def test_runtime_archive_is_deterministic(tmp_path: Path) -> None:
    """Another process, with other times and another locale, packs the same bytes."""
    program = (
        "from theseus.effects.perform.package import packaged_digest as digest\n"
        "print(digest('runtime.zip'), end='')"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    other = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert other.stdout == packaged_digest("runtime.zip")
    content = packaged_content("runtime.zip")
    assert packaged_digest("runtime.zip") == hashlib.sha256(content).hexdigest()


def test_runtime_archive_is_what_travels() -> None:
    """The archive holds base, runtime, registry and uv's pinned hashes, and nothing else."""
    names = zipfile.ZipFile(io.BytesIO(packaged_content("runtime.zip"))).namelist()
    assert names == sorted(names)
    assert {"theseus/__init__.py", "theseus/registry.py", "theseus/base/hardware.py"} <= set(names)
    assert "theseus/sh/uv-requirements.txt" in names
    tops = {name.split("/")[1] for name in names}
    assert tops == {"__init__.py", "registry.py", "base", "runtime", "sh"}
    assert not [name for name in names if "__pycache__" in name]


def test_runtime_archive_can_be_imported(tmp_path: Path) -> None:
    """Python imports the nouns out of the archive, without anything else being installed."""
    archive = tmp_path / "runtime.zip"
    archive.write_bytes(packaged_content("runtime.zip"))
    program = "import theseus.base.hardware as h, theseus.registry; print(h.__file__)"
    command = [sys.executable, "-S", "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(archive)}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True
    )
    assert ran.stdout.startswith(str(archive))


def test_scripts_ship_byte_for_byte() -> None:
    """A script is shipped as it stands in the package."""
    expected = (PACKAGE / "sh" / "bootstrap.sh").read_bytes()
    assert packaged_content("bootstrap.sh") == expected


def test_scripts_of_dialogues_are_ascii() -> None:
    """What bash is told to read by its size has as many characters as bytes."""
    assert all(packaged_content(name).isascii() for name in ("perform.sh", "cancel.sh"))
