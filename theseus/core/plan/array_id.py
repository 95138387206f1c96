"""Array id: what the ids of jobs in an array look like, and which of them one line stands for."""

import re
from typing import Final

_SEVERAL: Final = re.compile(r"(\d+_)\[([^\]%]*)(?:%\d+)?\]")
_INDEXES: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?(?::([1-9]\d{0,8}))?")


def covers(said: str, job_id: str) -> bool:
    """Whether *said* is the job *job_id*, or those of an array that never began and it among them.

    >>> covers("7_[0-2,9%4]", "7_9"), covers("7_[0-2,9%4]", "7_3"), covers("7_1", "7_11")
    (True, False, False)
    """
    several = _SEVERAL.fullmatch(said)
    if several is None:
        return said == job_id
    array, indexes = several.groups()
    index = job_id.removeprefix(array)
    return (
        index != job_id
        and index.isdecimal()
        and any(_holds(each, int(index)) for each in indexes.split(","))
    )


def _holds(text: str, index: int) -> bool:
    """Whether *index* is one of `3`, `3-7` or `3-7:2`; a text that was cut short holds none."""
    found = _INDEXES.fullmatch(text)
    if found is None:
        return False
    first, last, step = found.groups()
    return index in range(int(first), int(last or first) + 1, int(step or 1))
