"""Instants: the numbers of times are as far apart as the times."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.text.instant import instant

FORM = "%Y-%m-%dT%H:%M:%SZ"
times = st.datetimes(datetime(1970, 1, 1), datetime(2399, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the strategy wants them bare


@given(times, times)
def test_apart(earlier: datetime, later: datetime) -> None:
    """Two times are as many seconds apart as the calendar says."""
    first, second = (instant(time.strftime(FORM)) for time in (earlier, later))
    assert first is not None
    assert second is not None
    apart = later.replace(microsecond=0) - earlier.replace(microsecond=0)
    assert second - first == apart.total_seconds()


@pytest.mark.parametrize("text", ["", "now", "2026-11-24", "2026-11-24T12:00:00"])
def test_no_time(text: str) -> None:
    """What is no time of UTC has no number."""
    assert instant(text) is None
