"""Run ids: made from a clock and chance, once, before anything is sent."""

import secrets
from datetime import UTC, datetime

# no vowels and no look-alikes: an id spells nothing and is read out without mistakes
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


def new_run_id() -> str:
    """An id such as `20261124-131501-k7f2qx`: sorts by time (UTC), unique without asking anyone."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{now}-{''.join(secrets.choice(_ALPHABET) for _ in range(6))}"
