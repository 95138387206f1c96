"""Archives as perform.sh squeezes them, where many processors may be at it."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from tests.runtime.host import ROOT

PIECE = 8 * 1024 * 1024


def squeezed(content: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """What becomes of *content*, with *folder* for what is put down meanwhile."""
    script = f"token=T; source {ROOT}/theseus/sh/perform.sh >/dev/null </dev/null; squeeze_gzip"
    return subprocess.run(
        ["bash", "-c", script],
        input=content,
        capture_output=True,
        check=False,
        env={**os.environ, "TMPDIR": str(folder)},
    )


@pytest.mark.parametrize("size", [1, PIECE, PIECE + 1, 4 * PIECE, 6 * PIECE + 7])
def test_pieces_are_one_file(size: int, tmp_path: Path) -> None:
    """However many pieces are made, they come in their order, and nothing is left behind."""
    content = b"".join(b"%08d" % number for number in range(size // 8 + 1))[:size]
    done = squeezed(content, tmp_path)
    assert (done.returncode, gzip.decompress(done.stdout) == content) == (0, True)
    assert not list(tmp_path.iterdir())


def test_no_room_for_pieces(tmp_path: Path) -> None:
    """Where a piece cannot be put down, that is a failure, and no shorter archive."""
    assert squeezed(b"a" * PIECE, tmp_path / "none").returncode != 0
