"""Sweep: from `--sweep KEY=VALUES` words to the overrides of each run.

Or from the lines of a file. Values are split here and stay text: what they mean is for the rules
of overrides to say.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.request.request import BadFlag
from theseus.core.text.shell import read_words
from theseus.core.values import frozen

MOST = 10_000  # runs of one sweep: more is a mistake, and would be one for the scheduler too
_RANGE = re.compile(r"range\(\s*(-?\d{1,9})\s*(?:,\s*(-?\d{1,9})\s*)?(?:,\s*(-?\d{1,9})\s*)?\)")
_OPENING, _CLOSING = "[{(", "]})"


@frozen
class Axis:
    """A *key* of the job config and the *values* it takes, as text."""

    key: str
    values: tuple[str, ...]


def sweep_points(words: Sequence[str]) -> Result[tuple[tuple[str, ...], ...], tuple[BadFlag, ...]]:
    """The overrides of each run: every combination of the axes, the last changing fastest.

    >>> sweep_points(["lr=1e-3,3e-4", "seed=range(2)"]).unwrap()[1]
    ('lr=1e-3', 'seed=1')
    """
    axes, problems = [], []
    for word in words:
        parsed = axis(word)
        if is_successful(parsed):
            axes.append(parsed.unwrap())
        else:
            problems.append(BadFlag(f"--sweep {word}", parsed.failure()))
    problems += [BadFlag("--sweep", f"{key} is swept twice") for key in _twice(axes)]
    number = prod(len(each.values) for each in axes)
    if number > MOST:
        problems.append(BadFlag("--sweep", f"{number:,} runs; a sweep has {MOST:,} at most"))
    return Failure(tuple(problems)) if problems else Success(_combined(axes))


def listed_points(path: str, text: str) -> Result[tuple[tuple[str, ...], ...], tuple[BadFlag, ...]]:
    """The overrides of each run, one a line of the file at *path*; an empty line is no run."""
    points, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        read = read_words(line)
        if not is_successful(read):
            problems.append(BadFlag(f"{path}:{number}", read.failure()))
        elif read.unwrap():
            points.append(read.unwrap())
    if not points and not problems:
        problems.append(BadFlag(path, "it lists no runs: write the overrides of one on each line"))
    if len(points) > MOST:
        problems.append(BadFlag(path, f"{len(points):,} runs; a sweep has {MOST:,} at most"))
    return Failure(tuple(problems)) if problems else Success(tuple(points))


def axis(word: str) -> Result[Axis, str]:
    """The axis that a word `KEY=VALUE,VALUE…` or `KEY=range(…)` names, or what is wrong.

    >>> axis("shape=[1,2],[3,4]").unwrap().values
    ('[1,2]', '[3,4]')
    """
    key, equals, text = word.partition("=")
    if not equals or not key.strip():
        return Failure("expected KEY=VALUE,VALUE or KEY=range(8)")
    if (found := _RANGE.fullmatch(text.strip())) is not None:
        return _numbers(*found.groups()).map(lambda values: Axis(key, values))
    values = tuple(value.strip() for value in _split(text))
    if not all(values):
        return Failure("a value is empty; write '' for an empty text")
    return Success(Axis(key, values))


def _numbers(first: str, second: str | None, third: str | None) -> Result[tuple[str, ...], str]:
    step = int(third or 1)
    if step == 0:
        return Failure("a range needs a step other than 0")
    numbers = range(int(first)) if second is None else range(int(first), int(second), step)
    if not numbers:
        return Failure("the range is empty")
    if len(numbers) > MOST:
        return Failure(f"{len(numbers):,} runs; a sweep has {MOST:,} at most")
    return Success(tuple(str(number) for number in numbers))


def _split(text: str) -> Iterator[str]:
    """*text* at its commas, less those inside brackets or quotes."""
    depth, quote, start = 0, "", 0
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == "," and depth <= 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _twice(axes: Sequence[Axis]) -> Iterable[str]:
    keys = [each.key for each in axes]
    return sorted({key for key in keys if keys.count(key) > 1})


def _combined(axes: Sequence[Axis]) -> tuple[tuple[str, ...], ...]:
    choices = ([f"{each.key}={value}" for value in each.values] for each in axes)
    return tuple(product(*choices))
