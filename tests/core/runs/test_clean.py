"""What clean chooses, from what clean.sh lists."""

import pytest
from returns.result import Failure

from theseus.core.runs.clean import (
    Item,
    Kind,
    Listing,
    Policy,
    Removal,
    choose,
    read_listing,
    read_removals,
)
from theseus.core.runs.clean_table import clean_row, render_clean

DAY = 86400
NOW = 1000 * DAY
LISTING = f"""\
now\t{NOW}
run\t/s/runs/old\t{100 * DAY}\tended\t/w/p/g/n/old\tt1.tar.gz\tr1.zip\te1-0123456789abcdef0123\x20
run\t/s/runs/live\t{200 * DAY}\tlive\t/w/p/g/n/live\tt2.tar.gz\tr2.zip\t
run\t/s/runs/new\t{999 * DAY}\tended\t-\tt1.tar.gz\tr1.zip\t
tree\t/s/trees/t1.tar.gz\t{90 * DAY}\t/s/trees/t1.tar.gz
tree\t/s/trees/t2.tar.gz\t{90 * DAY}\t/s/trees/t2.tar.gz
tree\t/s/trees/t3.tar.gz\t{90 * DAY}\t/s/trees/t3.tar.gz
environment\t/s/environments/e1-0123456789abcdef0123\t{10 * DAY}\t/s/environments/e1
size\t9\t/s/environments/e1
build\t/s/environments/e2.node.1\t{NOW - 60}\t/s/environments/e2.node.1
size\t5\t/s/runs/old
size\t7\t/w/p/g/n/old
"""


def listing(text: str = LISTING) -> Listing:
    """What *text* lists."""
    return read_listing(text).unwrap()


def names(policy: Policy, text: str = LISTING) -> list[tuple[str, str]]:
    """Kinds and names of what *policy* chooses."""
    return [(item.kind, item.name) for item in choose(listing(text), policy)]


def test_a_listing_is_read() -> None:
    """Each run is one item, its work directory another; sizes are in bytes."""
    found = {(item.kind, item.name): item for item in listing().items}
    stamp = 100 * DAY
    old = Item("work", "old", "/w/p/g/n/old", stamp, stamp, live=False, size=7 * 1024)
    assert found["work", "old"] == old
    assert found["run", "old"].size == 5 * 1024
    assert found["run", "live"].live
    assert ("work", "new") not in found


def test_what_runs_use_is_used() -> None:
    """What is shared was used when the last of its runs was, and is live with one that is."""
    found = {item.name: item for item in listing().items if item.kind in {"tree", "environment"}}
    assert found["t1.tar.gz"].used == 999 * DAY
    assert found["t2.tar.gz"].live
    assert found["t3.tar.gz"].used == 90 * DAY
    environment = found["e1-0123456789abcdef0123"]
    assert (environment.used, environment.size) == (100 * DAY, 9 * 1024)


@pytest.mark.parametrize("text", ["", "now\tx\n", "now\t1\nrun\t/a\n", "now\t1\ntree\t/a\n"])
def test_no_listing(text: str) -> None:
    """An answer of something else is refused."""
    assert read_listing(text) == Failure("its answer is not that of clean.sh")


def test_old_things_go() -> None:
    """What no run has used for longer goes, a work directory before its run directory."""
    assert names(Policy(30 * 24 * 60, None)) == [
        ("tree", "t3.tar.gz"),
        ("environment", "e1-0123456789abcdef0123"),
        ("work", "old"),
        ("run", "old"),
    ]


def test_neither_age_nor_size() -> None:
    """A policy that asks for nothing removes nothing."""
    assert names(Policy(None, None)) == []


def sized(kind: Kind, used: int, size: int, *, live: bool = False) -> Item:
    """An item of that *size*, called after when it was *used*."""
    return Item(kind, str(used), f"/{used}", used, used, live, size)


def test_the_longest_unused_go_until_the_rest_fits() -> None:
    """By size the oldest goes first, and no more than has to."""
    items = tuple(sized("tree", used, 10) for used in (3, 1, 2))
    live = sized("run", 0, 1000, live=True)
    chosen = choose(Listing(NOW, (*items, live)), Policy(None, 15))
    assert [item.used for item in chosen] == [1, 2]
    assert choose(Listing(NOW, items), Policy(None, 30)) == ()


def test_what_may_be_at_work_stays() -> None:
    """An upload or a build of this day is no remnant, however full the storage is."""
    items = tuple(sized(kind, NOW - 60, 10) for kind in ("upload", "build", "rest"))
    assert choose(Listing(NOW, items), Policy(None, 1)) == ()
    assert len(choose(Listing(NOW + DAY, items), Policy(None, 1))) == 3


def test_what_a_submission_may_have_taken_up_stays() -> None:
    """A run that was claimed, and does not say yet what it uses, keeps what was used this day."""
    claimed = f"run\t/s/runs/now\t{NOW - 5}\tlive\t-\t-\t-\t\n"
    used = f"tree\t/s/trees/t4.tar.gz\t{NOW - 9}\t/s/trees/t4.tar.gz\n"
    everything = Policy(0, None)
    assert ("tree", "t4.tar.gz") in names(everything, LISTING + used)
    assert ("tree", "t4.tar.gz") not in names(everything, LISTING + claimed + used)
    assert ("tree", "t3.tar.gz") in names(everything, LISTING + claimed + used)


def test_what_became_of_them() -> None:
    """What the host says of each item counts, and silence is no removal."""
    gone, kept, lost = (sized("tree", used, 0) for used in (1, 2, 3))
    said = "noise\nremoved\ttree\t1\nkept\ttree\t2\tit has been used since\n"
    assert read_removals(said, (gone, kept, lost)) == (
        Removal(gone),
        Removal(kept, "it has been used since"),
        Removal(lost, "it could not be removed"),
    )


def test_the_table() -> None:
    """A row says where, what, how large and how long unused, by the clock of the host."""
    rows = [
        clean_row("box", NOW, Removal(sized("tree", NOW - 40 * DAY, 2048))),
        clean_row("box", NOW, Removal(sized("run", NOW + 5, 1), "it could not be removed")),
    ]
    assert rows[0].last_used == NOW - 40 * DAY
    text = render_clean(rows)
    assert "box   tree  2 KiB  40 d" in text
    assert "(kept: it could not be removed)" in text
    assert rows[1].unused_days == 0
