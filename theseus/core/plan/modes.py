"""Modes of what theseus makes: nobody but its owner reads, writes or enters it."""

from typing import Final

PRIVATE_DIR: Final = 0o700
PRIVATE_FILE: Final = 0o600
PRIVATE_SCRIPT: Final = 0o700
