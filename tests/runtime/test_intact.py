"""Whether what came is what was sent, as perform.sh finds out by the tools that a host has."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.runtime.host import ROOT

CONTENT = os.urandom(1_500_000)
OPENSSL = {
    "theirs": None,
    "refuses": "#!/bin/sh\nexit 1\n",
    "is wrong": "#!/bin/sh\necho 0123456789abcdef\n",
    "says nothing": "#!/bin/sh\n",
}


def taken_for_intact(place: Path, sha256: str, openssl: str | None) -> bool:
    """Whether perform.sh takes CONTENT for intact, with the program *openssl* on its PATH."""
    (place / "content").write_bytes(CONTENT)
    if openssl is not None:
        (place / "openssl").write_text(openssl)
        (place / "openssl").chmod(0o755)
    script = f"token=T; source {ROOT}/theseus/sh/perform.sh >/dev/null </dev/null; "
    words = ["bash", "-c", f'{script}intact "$@"', "bash", str(place / "content")]
    done = subprocess.run(
        [*words, str(len(CONTENT)), sha256],
        check=False,
        capture_output=True,
        env={**os.environ, "PATH": f"{place}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0 or b"it arrived damaged" in done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("openssl", OPENSSL)
def test_much_is_checked(openssl: str, tmp_path: Path) -> None:
    """What openssl says is believed where it agrees; else sha256sum has the last word."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert taken_for_intact(tmp_path, sha256, OPENSSL[openssl])
    assert not taken_for_intact(tmp_path, hashlib.sha256(b"other").hexdigest(), OPENSSL[openssl])
