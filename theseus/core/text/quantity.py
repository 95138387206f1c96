"""Quantities people write: memory and time. Text in, whole bytes and minutes out."""

import re

from returns.result import Failure, Result, Success

_NUMBER = r"(\d{1,12}(?:\.\d{1,6})?)"
_MEMORY = re.compile(rf"{_NUMBER}\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_POWER = {"": 2, "K": 1, "M": 2, "G": 3, "T": 4}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(rf"{_NUMBER}([smhd])", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,9})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?", re.ASCII)
_MILLION = 10**6

MEMORY_FORM = "memory such as 128G, 512M or 1.5T"
TIME_FORM = "a time such as 90m, 12h, 2d, 12:00:00 or 1-06:00:00"


def memory(text: str) -> Result[int, str]:
    """Bytes of `128G`; a bare number counts megabytes, as sbatch(1) has it.

    >>> memory("1.5G").unwrap()
    1610612736
    """
    found = _MEMORY.fullmatch(text.strip())
    size = _millionths(found[1]) * 1024 ** _POWER[found[2].upper()] // _MILLION if found else 0
    return Success(size) if size > 0 else Failure(f"expected {MEMORY_FORM}, got {text!r}")


def duration(text: str) -> Result[int, str]:
    """Minutes, rounded up, of `12h`, `1h30m` or one of the forms of sbatch(1)'s --time.

    sbatch(1): minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes,
    days-hours:minutes:seconds.

    >>> duration("1-06:00:00").unwrap()
    1800
    """
    trimmed = text.strip()
    seconds = _spans(trimmed) if _SPAN.match(trimmed) else _clock(trimmed)
    minutes = -(-seconds // (60 * _MILLION))
    return Success(minutes) if minutes > 0 else Failure(f"expected {TIME_FORM}, got {text!r}")


def _millionths(number: str) -> int:
    """A decimal number times a million, exactly."""
    whole, _, decimals = number.partition(".")
    return int(whole + decimals.ljust(6, "0"))


def _spans(text: str) -> int:
    """Millionths of seconds in `1h30m`; 0 when it is something else."""
    if _SPAN.sub("", text).strip():
        return 0
    return sum(_millionths(count) * _SECONDS[unit.lower()] for count, unit in _SPAN.findall(text))


def _clock(text: str) -> int:
    """Millionths of seconds in `1-06:00:00`; 0 when it is something else."""
    found = _CLOCK.fullmatch(text)
    if not found:
        return 0
    days, *rest = found.groups()
    parts = [int(part) for part in rest if part is not None]
    if days is not None:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, (minutes, seconds) = 0, (*parts, 0)[:2]
    return (int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds) * _MILLION


def show_memory(size: int) -> str:
    """*size* in bytes for people.

    >>> show_memory(137438953472)
    '128 GiB'
    """
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"


def show_duration(minutes: int) -> str:
    """*minutes* in the form sbatch(1) takes.

    >>> show_duration(1800)
    '1-06:00:00'
    """
    days, rest = divmod(minutes, 1440)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


def count(number: int, noun: str) -> str:
    """*number* and *noun* in agreement.

    >>> count(2, "chip")
    '2 chips'
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
