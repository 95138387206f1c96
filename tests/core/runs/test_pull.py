"""Which files come back, and what a name that comes from a host may be."""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.bash import spoken
from tests.strategies import any_word
from theseus.core.runs.pull import (
    Listing,
    RemoteFile,
    Stamp,
    is_inside,
    read_listing,
    read_stamp,
    request_line,
    selected,
)


def test_listing() -> None:
    """Files are in the order of their names; links are counted, what leads out is refused."""
    records = (
        b"f 2 17.25 plots/b.png",
        b"f 0 16.0000000001 a\n b",
        b"l 9 1.0 latest",
        b"f 1 1.0 ../.ssh/config",
        b"f 1 1.0 \xff",
        b"end 0",
    )
    assert read_listing(records) == Listing(
        (
            RemoteFile("a\n b", 0, "16.0000000001"),
            RemoteFile("plots/b.png", 2, "17.25"),
            RemoteFile("\udcff", 1, "1.0"),
        ),
        links=1,
        refused=("../.ssh/config",),
        whole=True,
    )
    assert not read_listing((b"end 1",)).whole


@given(st.lists(st.sampled_from(["..", ".", "", "a", ".a", "..a", "a b"])))
@example([".theseus-pull", "x"])
def test_nothing_leads_out(parts: list[str]) -> None:
    """A name with an empty part, a dot or two is refused, as are those that pulling itself uses."""
    good = bool(parts) and not {"", ".", ".."} & set(parts) and parts[0] != ".theseus-pull"
    assert is_inside("/".join(parts)) is good


def test_patterns() -> None:
    """A pattern is a name, a directory, or has wildcards; without `/` it means any last part."""
    names = ("log.txt", "plots/a.png", "plots/deep/b.png", "plots2/c.png")
    files = tuple(RemoteFile(name, 1, "1.0") for name in names)

    def chosen(pattern: str | None) -> list[str]:
        return [file.name for file in selected(files, pattern)]

    assert chosen(None) == list(names)
    assert chosen("*.png") == list(names[1:])
    assert chosen("a.png") == ["plots/a.png"]
    assert chosen("plots") == chosen("plots/") == chosen("plots/*") == list(names[1:3])
    assert chosen("plots/*.txt") == []


def test_time_of_change() -> None:
    """A time of change is exact to the nanosecond, however many digits a host has."""
    assert RemoteFile("a", 1, "17.1234567890").mtime_ns == 17_123_456_789
    assert RemoteFile("a", 1, "17").mtime_ns == 17_000_000_000
    assert RemoteFile("a", 1, "17.5").mtime_ns == 17_500_000_000


def test_parts_differ() -> None:
    """What there is of a file is found again only while the file is the same."""
    states = [RemoteFile("a", 1, "1.0"), RemoteFile("a", 2, "1.0"), RemoteFile("a", 1, "1.5")]
    assert len({file.part for file in states}) == 3


@given(any_word.filter(bool))
def test_request(name: str) -> None:
    """A request is a complete group, and bash reads the name as it was."""
    line = request_line(RemoteFile(name, 7, "1.5"), 3).decode("utf-8", "surrogateescape")
    assert spoken(f"send() {{ printf '%s\\0' \"$@\"; }}\n{line}") == ["3", "7", "1.5", name]


def test_stamps() -> None:
    """A file that is gone has no stamp."""
    assert read_stamp("7 1.5") == Stamp(7, "1.5")
    assert read_stamp("") is None
