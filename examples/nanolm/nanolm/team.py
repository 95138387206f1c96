"""A team: the processes of one training, which share each batch and agree on its gradients.

Rank 0 listens, the others connect to it. In each step every process sends what it has learned from
its share of the batch; rank 0 adds it all up in the order of ranks and sends the sum back, so that
all make the same step. Only plain numbers travel. A training alone is a team of one.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nanolm.data import Tokens
from nanolm.model import Parameters

Numbers = npt.NDArray[np.float64]

GREETING = struct.Struct("!II")  # rank, and the step after which it goes on
PATIENCE = 120.0  # seconds for the others to come, or to finish a step


@dataclass(frozen=True)
class Team:
    """This process among its peers: to the others for rank 0, to rank 0 for the others."""

    rank: int = 0
    size: int = 1
    peers: tuple[socket.socket, ...] = ()

    def share(self, batch: Tokens) -> Tokens:
        """The rows of *batch* that are this process's; ValueError when shares were uneven."""
        if len(batch) % self.size:
            raise ValueError(
                f"training.batch_size: {len(batch)} cannot be shared by {self.size} processes"
            )
        return batch[self.rank :: self.size]

    def agree(
        self, loss: float, gradients: Parameters, *, stop: bool
    ) -> tuple[float, Parameters, bool]:
        """The mean of *loss* and *gradients* over all processes, and whether any wants to stop."""
        if self.size == 1:
            return loss, gradients, stop
        mine = np.concatenate(
            [[loss, float(stop)], *(value.ravel() for value in gradients.values())]
        )
        total = self.total(mine.astype(np.float64))
        mean = total / self.size
        return float(mean[0]), unpacked(mean[2:], gradients), bool(total[1])

    def total(self, mine: Numbers) -> Numbers:
        """The sum of what all processes have, the same to the bit for each of them."""
        if self.rank:
            (main,) = self.peers
            main.sendall(mine.tobytes())
            return received(main, mine)
        total = mine.copy()
        for peer in self.peers:
            total += received(peer, mine)
        for peer in self.peers:
            peer.sendall(total.tobytes())
        return total


@contextmanager
def joined(environment: Mapping[str, str], step: int) -> Iterator[Team]:
    """The team that RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT name; all go on after *step*."""
    rank, size = int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    address = (environment["MASTER_ADDR"], int(environment["MASTER_PORT"]))
    with ExitStack() as stack:
        gathered = welcome(address[1], size, step) if rank == 0 else greet(address, rank, step)
        for peer in gathered:
            peer.settimeout(PATIENCE)
            stack.enter_context(peer)
        yield Team(rank, size, gathered)


def welcome(port: int, size: int, step: int) -> tuple[socket.socket, ...]:
    """Waits until all others are there; their connections in the order of ranks."""
    peers: dict[int, socket.socket] = {}
    with socket.create_server(("", port)) as server:
        server.settimeout(PATIENCE)
        while len(peers) < size - 1:
            peer, _ = server.accept()
            rank, after = GREETING.unpack(received_bytes(peer, GREETING.size))
            if after != step:
                raise ValueError(
                    f"process {rank} goes on after step {after}, process 0 after step {step}: "
                    "do all see the same checkpoint directory?"
                )
            peers[rank] = peer
    return tuple(peers[rank] for rank in sorted(peers))


def greet(address: tuple[str, int], rank: int, step: int) -> tuple[socket.socket, ...]:
    """Connects to rank 0, which may not listen yet."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            main = socket.create_connection(address, timeout=PATIENCE)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            main.sendall(GREETING.pack(rank, step))
            return (main,)


def received(peer: socket.socket, like: Numbers) -> Numbers:
    """As many numbers as *like* has, from *peer*."""
    return np.frombuffer(received_bytes(peer, like.nbytes), dtype=like.dtype)


def received_bytes(peer: socket.socket, size: int) -> bytes:
    """Exactly *size* bytes; ConnectionError when *peer* is gone before."""
    parts, missing = [], size
    while missing:
        part = peer.recv(min(missing, 2**20))
        if not part:
            raise ConnectionError("a process of this training is gone")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def unpacked(numbers: Numbers, like: Parameters) -> Parameters:
    """*numbers* in the shapes, and under the names, of *like*."""
    parameters, start = {}, 0
    for name, value in like.items():
        flat = numbers[start : start + value.size]
        parameters[name] = flat.reshape(value.shape).astype(value.dtype)
        start += value.size
    return parameters
