"""Many files at once, as perform.sh unpacks them."""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from theseus.effects.perform.bundle import BundledFile, bundle
from theseus.effects.perform.package import packaged_content

MEMORY = Path("/dev/shm")


def unpacked(place: Path, files: list[BundledFile]) -> tuple[str, str]:
    """The status of unpacking *files* into *place*, and what was printed as errors."""
    content = bundle(files)
    words = ("unpack", str(len(content)), sha256(content).hexdigest(), str(place))
    script = packaged_content("perform.sh").decode()
    line = f"token=T\n{script}{{ run 0 {shlex.join(words)}; }}\n"
    talk = subprocess.run(
        ["bash", "-s"], input=line.encode() + content, capture_output=True, check=True
    )
    return talk.stdout.rpartition(b"\nT 0 ")[2].split()[0].decode(), talk.stderr.decode()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory to which no file of the test can be linked."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def test_where_nothing_can_be_linked(tmp_path: Path, elsewhere: Path) -> None:
    """What occurs again is copied where the file system makes no link to it."""
    (tmp_path / "b").symlink_to(elsewhere)
    names = ("a/one", "b/one", "a/two", "b/last")
    files = [BundledFile(name, 0o700, name[2:].encode()) for name in names]
    assert unpacked(tmp_path, files)[0] == "0"
    for file in files:
        assert (tmp_path / file.name).read_bytes() == file.content
        assert (tmp_path / file.name).stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_where_something_else_fails(tmp_path: Path) -> None:
    """What tar says of any other failure is the error."""
    (tmp_path / "a").write_text("in the way")
    status, errors = unpacked(tmp_path, [BundledFile("a/one", 0o600, b"1")])
    assert status == "1"
    assert "a/one: Cannot open" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
