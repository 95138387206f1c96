"""What a submission waits for: round trips through a connection that stands already."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.link import Link, Traffic, linked
from tests.cli.runs import job, submission
from tests.e2e.far_desk import FarDesk, far_desk
from tests.e2e.sshd import Sshd
from theseus.effects.perform.parcel import SMALL

pytestmark = pytest.mark.slow
DELAY = 0.3  # seconds: what either side does meanwhile takes less
# a session, its command, the probes, the whole plan; then the session is closed
ROUND_TRIPS = 5


@pytest.fixture
def link(sshd: Sshd) -> Iterator[Link]:
    """A link to the server."""
    with linked(sshd.port, DELAY) as made:
        yield made


@pytest.fixture
def far(sshd: Sshd, link: Link, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk whose far host is behind the link, and connected."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users)), "openssh") as made:
        known = sshd.known_hosts.read_text().replace(str(sshd.port), str(link.port))
        file = made.desk.write(str(made.desk.home / ".ssh" / "known_hosts"), known)
        made.configure_ssh(str(sshd.port), str(link.port))
        config = made.desk.home / ".ssh" / "config"
        config.write_text(config.read_text().replace(str(sshd.known_hosts), str(file)))
        job(made.desk, "true")
        submission(made.desk, made.desk.theseus("submit", "demo", "train.yaml", "--json"))
        yield made


def counted(far: FarDesk, link: Link) -> Traffic:
    """What went over *link* for one submission."""
    link.traffic = Traffic()
    submission(far.desk, far.desk.theseus("submit", "demo", "train.yaml", "--json"))
    return link.traffic


def test_one_exchange_for_the_probes_and_one_for_the_plan(far: FarDesk, link: Link) -> None:
    """Nothing is asked in between, whether the tree is there, is small, or comes as a pack."""
    there = counted(far, link)
    assert there.round_trips <= ROUND_TRIPS, there
    far.desk.write("more.txt", b"more\n")
    far.desk.commit()
    small = counted(far, link)
    assert small.round_trips <= ROUND_TRIPS, small
    far.desk.write("large.txt", b"".join(b"%d\n" % number for number in range(SMALL // 4)))
    far.desk.commit()
    assert counted(far, link).sent > SMALL // 4
    far.desk.write("one.txt", b"one line\n")
    far.desk.commit()
    pack = counted(far, link)
    assert pack.round_trips <= ROUND_TRIPS, pack
    assert pack.sent < SMALL // 10
