"""The benchmarks run, at sizes that say nothing about speed."""

import socket
from collections.abc import Iterable

import pytest

from bench import loading, shipping, solve, starting
from bench.link import Link, linked
from bench.measure import Row, compared, table
from bench.sources import Size


def whats(rows: Iterable[Row]) -> list[str]:
    """What the rows are about; each has been measured."""
    made = list(rows)
    assert all(row.ratio > 0 for row in made)
    return [row.what for row in made]


def test_table() -> None:
    """A row has a verdict where it has a limit."""
    rows = [compared("a", 0.2, ("b", 0.1), 1.5), compared("c", 0.1, ("b", 0.1), 1.5)]
    shown = table([*rows, compared("d", 0.1, ("b", 0.1))]).splitlines()[2:]
    assert shown[0] == "| a | 200 ms | 100 ms for b | 2.00 | 1.5 | missed |"
    assert [line.rsplit("|", 2)[1].strip() for line in shown] == ["missed", "holds", ""]


@pytest.mark.slow
def test_parts() -> None:
    """Every part that needs no cluster gives its rows."""
    assert whats(loading.rows(1, 3)) == ["load 3 hosts"]
    assert len(whats(solve.rows((5, 10), (20,)))) == 3
    assert whats(starting.rows(1, [("--version",)])) == ["theseus --version"]


@pytest.mark.slow
def test_shipping() -> None:
    """A line changed moves little, which the benchmark itself insists on."""
    assert whats(shipping.rows(1, Size(8, 2_000_000)))[-1].startswith(
        "ship 8 files, 2 MB, one line"
    )


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
        traffic = link.traffic
    assert (traffic.connections, traffic.sent, traffic.received) == (1, 12, 15)
    assert traffic.round_trips == 3
