"""Instants: UTC times as hosts and runs write them, as numbers. There is no *now* in the core."""

import re
from typing import Final

_UTC: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")


def instant(text: str) -> int | None:
    """Seconds from a fixed moment to the UTC time *text*; None when it is no such time.

    >>> instant("2026-03-01T00:00:00Z") - instant("2026-02-28T23:59:00Z")
    60
    """
    found = _UTC.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    # a year that begins in March has its leap day at its end (Hinnant, days_from_civil)
    years = year - (month < 3)
    days = 365 * years + years // 4 - years // 100 + years // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day
    return ((days * 24 + hour) * 60 + minute) * 60 + second
