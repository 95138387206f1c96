"""A farm: many SSH hosts in a process of its own, each of which takes its time to answer.

`python -m bench.farm HOSTS SECONDS FOLDER` listens on so many ports of loopback, writes the ssh
config that leads there, says `ready`, and goes on until its input ends. What it is asked first, a
real bash answers; after that every host gives the same answer, for on one machine a hundred of them
could not all think at the same time, as hosts do.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import PIPE

import asyncssh
from attrs import define

TOKEN = re.compile(rb"token=(\w+)\n")
ROOT = Path(__file__).resolve().parents[1]


@define
class Farm:
    """Hosts that each answer *delay* seconds after they were asked."""

    delay: float
    answer: "asyncio.Task[tuple[bytes, bytes]] | None" = None

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Answer one dialogue by what bash said in the first, marked by its own token."""
        asked = await process.stdin.read()
        clock = asyncio.get_running_loop().time
        due = clock() + self.delay
        token = b"".join(TOKEN.findall(asked))
        unmarked = b"0" * len(token)
        if self.answer is None:
            self.answer = asyncio.create_task(_answered(asked.replace(token, unmarked)))
        output, errors = await self.answer
        await asyncio.sleep(due - clock())
        with suppress(asyncssh.Error, OSError):
            process.stdout.write(output.replace(unmarked, token))
            process.stderr.write(errors.replace(unmarked, token))
            process.exit(0)


async def _answered(asked: bytes) -> tuple[bytes, bytes]:
    bash = await asyncio.create_subprocess_exec("bash", "-s", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    return await bash.communicate(asked)


async def _served(hosts: int, delay: float, folder: Path) -> None:
    """Serve until the input ends."""
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key.write_private_key(str(folder / "id"))
    key.write_public_key(str(folder / "id.pub"))
    farm = Farm(delay)
    async with AsyncExitStack() as stack:
        ports = []
        for _ in range(hosts):
            listener = await asyncssh.listen(
                "127.0.0.1",
                0,
                server_host_keys=[host_key],
                authorized_client_keys=str(folder / "id.pub"),
                process_factory=farm.serve,
                encoding=None,
            )
            ports.append((await stack.enter_async_context(listener)).get_port())
        _write_client_files(folder, ports, host_key.export_public_key().decode())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def _write_client_files(folder: Path, ports: list[int], public: str) -> None:
    hosts = "".join(
        f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n"
        for name, port in zip(names(len(ports)), ports, strict=True)
    )
    everywhere = f"User tester\nIdentityFile {folder}/id\nUserKnownHostsFile {folder}/known\n"
    (folder / "config").write_text(f"{everywhere}IdentitiesOnly yes\n{hosts}")
    (folder / "known").write_text("".join(f"[127.0.0.1]:{port} {public}" for port in ports))


def names(hosts: int) -> list[str]:
    """What the hosts of a farm are called."""
    return [f"h{number}" for number in range(hosts)]


@contextmanager
def farm_in(folder: Path, hosts: int, delay: float) -> Iterator[str]:
    """The ssh config that leads to a farm with its files in *folder*."""
    words = [sys.executable, "-m", "bench.farm", str(hosts), str(delay), str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None  # noqa: S101  Popen was given a pipe for it
        assert process.stdout is not None  # noqa: S101  Popen was given a pipe for it
        try:
            process.stdout.readline()
            yield str(folder / "config")
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_served(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
