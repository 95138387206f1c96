"""`theseus doctor` on this very machine: what is fit, what is not, and what is left behind."""

import json

from tests.cli.conftest import Inside
from tests.cli.desk import LOCAL_CONFIG, Desk, unchanged


def configure(desk: Desk, *changes: tuple[str, str]) -> None:
    """Write the dispatch config with *changes*."""
    text = LOCAL_CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    desk.write(str(desk.home / ".theseus.yaml"), text)


def test_fit(desk: Desk, inside: Inside) -> None:
    """A machine that is fit ends with 0, and nothing was left on it."""
    finished = unchanged(desk, lambda: inside(desk, "doctor", "--json"))
    assert finished.status == 0, finished.out
    (host,) = json.loads(finished.out)
    assert host["host"] == "box"
    results = {check["name"]: check["result"] for check in host["checks"]}
    assert {results[name] for name in ("bash", "tools", "share", "work", "GPUs")} == {"PASS"}
    assert "FAIL" not in results.values()
    assert finished.err.startswith("theseus: 1 host: 0 failed")


def test_not_fit(desk: Desk, inside: Inside) -> None:
    """What is not fit ends with 1, each thing with what to do about it."""
    changes = (
        ("root: ~/root", "root: /proc/none"),
        ("transport", "chips: {h100: 8}\n    transport"),
    )
    configure(desk, *changes)
    finished = inside(desk, "doctor")
    assert finished.status == 1
    rows = [line.split(maxsplit=3) for line in finished.out.splitlines()]
    failed = {row[1]: row[3] for row in rows if row[2] == "FAIL"}
    assert set(failed) == {"root", "GPUs"}
    assert "see its owner, quota and mount" in failed["root"]
    assert "the config has h100" in failed["GPUs"]
    assert "theseus: 1 host: 2 failed" in finished.err


def test_open_share(desk: Desk, inside: Inside) -> None:
    """A share that everybody can write to is not fit: runs are executed from there."""
    (desk.home / "work" / ".dispatch").mkdir(parents=True)
    (desk.home / "work" / ".dispatch").chmod(0o777)
    finished = inside(desk, "doctor", "box")
    assert finished.status == 1
    assert (
        "can be written to by everybody; runs are executed from there: `chmod o-w" in finished.out
    )


def test_unreachable(desk: Desk, inside: Inside) -> None:
    """A host that is not reached fails, with the reason; the others are examined all the same."""
    gone = "hosts:\n  gone: {type: plain, cluster: hpc, ssh: nobody.invalid, transport: asyncssh}\n"
    configure(desk, ("hosts:\n", gone))
    finished = inside(desk, "doctor")
    assert finished.status == 1
    first, *others = finished.out.splitlines()[1:]
    assert first.split()[:3] == ["gone", "connection", "FAIL"]
    assert "no such host name" in first
    assert others[0].startswith("box ")


def test_unknown(desk: Desk, inside: Inside) -> None:
    """A host that the config does not have is bad input, with the nearest."""
    finished = inside(desk, "doctor", "bax")
    assert (finished.status, finished.out) == (2, "")
    assert "no host is called 'bax'; did you mean 'box'?" in finished.err


def test_login_where_it_is_needless(desk: Desk, inside: Inside) -> None:
    """Logging in to this machine, to nobody, or where it makes no difference, is refused."""
    others = "hosts:\n  far: {type: plain, cluster: hpc, ssh: far, transport: asyncssh}\n"
    configure(desk, ("hosts:\n", others))
    for host, said in (
        ("box", "this very machine"),
        ("far", "`transport: asyncssh`"),
        ("bax", "did you mean 'box'?"),
    ):
        finished = inside(desk, "login", host)
        assert finished.status == 2
        assert said in finished.err
