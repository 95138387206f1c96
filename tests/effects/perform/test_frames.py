"""Frames come out of streams whatever lies around them and wherever they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from theseus.effects.perform.frames import KEPT, START, ErrorReader, Frame, FrameReader

TOKEN = "0123456789abcdef"
FRAMES = st.builds(
    Frame,
    st.integers(START, 999),
    st.sampled_from(["0", "1", "127", "skipped", "want", "answered"]),
    st.binary(max_size=200),
)
NOISE = st.binary(max_size=200).filter(lambda noise: TOKEN.encode() not in noise)


def written(frame: Frame) -> bytes:
    """*frame* as perform.sh writes it."""
    header = f"\n{TOKEN} {frame.index} {frame.status} {len(frame.output)}\n"
    return header.encode() + frame.output


def cut(stream: bytes, size: int) -> list[bytes]:
    """*stream* in pieces of *size*."""
    return [stream[start : start + size] for start in range(0, len(stream), size)]


@given(st.lists(st.tuples(NOISE, FRAMES), max_size=5), NOISE, st.integers(1, 300))
def test_frames_are_found(parts: list[tuple[bytes, Frame]], rest: bytes, size: int) -> None:
    """Every frame is found, in order, with its bytes, however the stream is cut."""
    stream = b"".join(noise + written(frame) for noise, frame in parts) + rest
    reader = FrameReader(TOKEN)
    found = [frame for piece in cut(stream, size) for frame in reader.feed(piece)]
    assert found == [frame for _, frame in parts]


def test_other_tokens_are_noise() -> None:
    """What a banner or an output says with another token is no frame."""
    reader = FrameReader(TOKEN)
    inner = written(Frame(7, "0", b"")).replace(TOKEN.encode(), b"f" * 16)
    assert reader.feed(inner + written(Frame(1, "0", inner))) == [Frame(1, "0", inner)]


def test_a_frame_needs_all_its_bytes() -> None:
    """A frame whose output is not all there is no frame yet."""
    reader = FrameReader(TOKEN)
    stream = written(Frame(1, "0", b"output"))
    assert reader.feed(stream[:-1]) == []
    assert reader.feed(stream[-1:]) == [Frame(1, "0", b"output")]


@given(st.integers(1, 300))
def test_errors_are_cut_at_their_markers(size: int) -> None:
    """What a step printed is what stands before its marker, both parts of one that wanted more."""
    stream = (
        f"login noise\n{TOKEN} {START}\n"
        f"first\n{TOKEN} 3\nmore of it\n{TOKEN} 3\n\n{TOKEN} 4\nnever marked"
    )
    reader = ErrorReader(TOKEN)
    for piece in cut(stream.encode(), size):
        reader.feed(piece)
    assert reader.said(START) == "login noise"
    assert reader.said(3) == "firstmore of it"
    assert (reader.said(4), reader.marked(4)) == ("", True)
    assert (reader.said(5), reader.marked(5)) == ("never marked", False)


def test_only_the_tail_of_errors_is_kept() -> None:
    """A step that prints without end takes no memory without end."""
    reader = ErrorReader(TOKEN)
    for _ in range(100):
        reader.feed(b"x" * 10_000)
    reader.feed(f"last\n{TOKEN} 0\n".encode())
    assert reader.said(0).endswith("xlast")
    assert len(reader.said(0)) <= KEPT
