"""How GPUs are called in the lease directory of a host.

Here: names that client and host must agree on. Never here: files, or taking a lease.
"""

from __future__ import annotations

import re

LEASE_SUFFIX = ".lease"
TICKET_PREFIX = "ticket-"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def lease_name(gpu: str) -> str:
    """What a GPU is called there: by its uuid, or `chip-` and its index.

    >>> lease_name("GPU-5e1b/..")
    'GPU-5e1b___'
    >>> lease_name("3")
    'chip-3'
    """
    return f"chip-{gpu}" if gpu.isdecimal() else _NOT_IN_NAMES.sub("_", gpu)[:80]
