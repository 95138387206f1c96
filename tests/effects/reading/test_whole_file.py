"""Files that are whole at every moment, whoever reads them and whatever ends their writer."""

import os
import resource
import signal
from pathlib import Path

import pytest
from returns.result import Success

from theseus.core.inventory.inventory import Inventory, Unreachable
from theseus.effects.reading.inventory_files import load_inventory, save_inventory
from theseus.effects.reading.whole_file import write_new, write_whole


def test_a_reader_meanwhile(tmp_path: Path) -> None:
    """Who reads an inventory while another takes its place has the one or the other."""
    path = tmp_path / "inventory.json"
    first, second = (Inventory({"box": Unreachable(reason)}) for reason in ("slow", "gone"))
    assert save_inventory(first, str(path)) == Success(None)
    with path.open(encoding="utf-8") as reader:
        assert save_inventory(second, str(path)) == Success(None)
        (tmp_path / "read").write_text(reader.read(), encoding="utf-8")
    assert load_inventory(str(tmp_path / "read")) == Success(first)
    assert load_inventory(str(path)) == Success(second)
    assert {each.name for each in tmp_path.iterdir()} == {"inventory.json", "read"}


def test_a_writer_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there stays where the new content cannot be written to its end."""
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after", 0o644)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"before"]


def test_modes_links_and_pipes(tmp_path: Path) -> None:
    """A file has the mode it is to have; a link stays one, and what is no file is written to."""
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    (tmp_path / "file").write_bytes(b"before")
    link.symlink_to("file")
    write_whole(link, b"after", 0o640)
    assert (link.readlink(), link.read_bytes()) == (Path("file"), b"after")
    assert link.stat().st_mode & 0o777 == 0o640
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, b"through", 0o600)
    assert os.read(reader, 10) == b"through"
    os.close(reader)


def test_new_file_on_a_full_disk(tmp_path: Path) -> None:
    """Of a new file that cannot be written whole nothing is left; an old one is not touched."""
    path = tmp_path / "train.yaml"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_new(path, b"longer than the disk is")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not path.exists()
    write_new(path, b"fits")
    with pytest.raises(FileExistsError):
        write_new(path, b"over it")
    assert path.read_bytes() == b"fits"
