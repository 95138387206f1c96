"""The benchmarks run, at sizes that say nothing about speed."""

import socket
from collections.abc import Iterable

import pytest

from bench import loading, probing, shipping, solve, starting
from bench.link import Link, Traffic, linked, told
from bench.measure import Row, compared, in_turns, table, timed, within
from bench.sources import Size


def whats(rows: Iterable[Row]) -> list[str]:
    """What the rows are about; each has been measured."""
    made = list(rows)
    assert all(row.ratio > 0 for row in made)
    return [row.what for row in made]


def test_table() -> None:
    """A row has a verdict where it has a limit: by the median of the ratios of pairs."""
    rows = (
        compared("a", [0.2, 0.4, 0.1], ("b", [0.1, 0.1, 0.1]), 1.5),
        compared("c", [0.1], ("b", [0.1]), 1.5),
        compared("d", [12.0], ("b", [0.1])),
        within("e", 6, 5, "s"),
    )
    shown = [line.rsplit("|", 2)[0].strip() for line in table(rows)][2:]
    assert shown == [
        "| a | 200 ms | 100 ms for b | 2 | 1 | 1.5 | missed",
        "| c | 100 ms | 100 ms for b | 1 |  | 1.5 | holds",
        "| d | 12.0 s | 100 ms for b | 120 |  |  |",
        "| e | 6 s | 5 s at most | 1.2 |  | 1 | missed",
    ]


def test_turns() -> None:
    """What is measured takes turns, each after what comes before it."""
    said: list[str] = []
    times = in_turns(
        2,
        timed(lambda: said.append("one"), before=lambda: said.append("before")),
        timed(lambda: said.append("other")),
    )
    assert said == ["before", "one", "other"] * 2
    assert [len(each) for each in times] == [2, 2]


@pytest.mark.slow
def test_parts() -> None:
    """Every part that needs no server gives its rows."""
    assert whats(loading.rows(1, 3)) == ["load 3 hosts"]
    assert len(whats(solve.rows((5, 10), (100,)))) == 5
    assert whats(starting.rows(1, [("--version",)])) == ["`theseus --version`, CPU"]


@pytest.mark.slow
def test_probing() -> None:
    """Every host of a farm answers, which the benchmark itself insists on."""
    assert whats(probing.rows(1, (1, 3), 0.1)) == ["probe 1 host", "probe 3 hosts at once"]


@pytest.mark.slow
def test_shipping() -> None:
    """A tree arrives; where it is there, or all but a line of it, little is sent."""
    *_, unchanged, first, second = shipping.rows(1, Size(8, 2_000_000))
    assert {row.verdict for row in (unchanged, first, second)} == {"holds"}


def echo(link: Link, listener: socket.socket, times: int) -> None:
    """Say something *times* over *link*, each time after the answer."""
    with socket.create_connection(("127.0.0.1", link.port)) as client:
        far, _ = listener.accept()
        with far:
            for _ in range(times):
                client.sendall(b"ping")
                far.sendall(far.recv(4) + b"!")
                assert client.recv(5) == b"ping!"


@pytest.mark.slow
def test_link() -> None:
    """A link counts connections, bytes and round trips, and takes the time that it says."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        linked(listener.getsockname()[1], 0.05) as link,
    ):
        echo(link, listener, 3)
    assert link.traffic == Traffic(connections=1, sent=12, received=15, round_trips=3)
    assert told(link.traffic) == "1 connection, 3 round trips, 0 kB sent"
