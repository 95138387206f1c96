"""Doctor's examinations of any machine: shell, tools, places, GPUs, clock, and what logout ends.

Nothing is changed: the one file that is written to see whether it can be is removed at once.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from theseus.base.hardware import Cluster
from theseus.core.config.config import PlainHost
from theseus.core.doctor.doctor import (
    Answers,
    Check,
    Examination,
    declared_chips,
    failed,
    passed,
    warned,
)
from theseus.core.inventory.inventory import PlainSnapshot, Unreachable
from theseus.core.plan.inquiry import inquiry_of
from theseus.core.text.quantity import count, show_memory

NEEDED: Final = ("setsid", "tar", "gzip", "grep", "sed", "mktemp")
OLDEST_BASH: Final = (4, 2)
OLDEST_PYTHON: Final = (3, 9)
LITTLE_SPACE: Final = 5 * 2**30
NO_SPACE: Final = 256 * 2**20
SKEW: Final = 30.0  # seconds that the clocks of two machines may differ
_KIB: Final = 1024

CLOCK: Final = ("date", "+%s")
# a shell that sshd starts reads its login files; SHLVL would tell bash that this one is another
_LOGIN_FILES: Final = 'unset SHLVL; exec "${SHELL:-/bin/sh}" -c true </dev/null 2>&1'
_TOOLS: Final = (
    'PATH=$PATH:$HOME/.local/bin; echo "bash $BASH_VERSION"; '
    'for tool; do command -v "$tool" >/dev/null && echo "$tool"; done; '
    'for tool in uv git zstd; do command -v "$tool" >/dev/null && '
    'echo "$tool $("$tool" --version 2>/dev/null | head -n 1)"; done; '
    "for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do "
    'said=$("$python" --version 2>/dev/null) || continue; echo "python $said"; '
    'case $said in *" 3.9"* | *" 3."[1-9][0-9]*) break ;; esac; done; :'
)
# the place itself, or of what is to be made the directory that is there already
PLACE: Final = (
    'case $1 in "~/"*) place=$HOME/${1#??} ;; *) place=$1 ;; esac; '
    'while [ ! -e "$place" ]; do place=$(dirname -- "$place"); done; '
)
_LOOK: Final = (
    f'{PLACE}echo "$place"; stat -L -c %a -- "$place" || echo -; df -Pk -- "$place" | tail -n 1; '
    'file=$(mktemp "$place/.theseus-doctor.XXXXXXXX") && echo theseus >"$file" && '
    'cat "$file" && rm -f -- "$file"'
)
_LINGER: Final = (
    "loginctl show-session -p KillUserProcesses 2>/dev/null; "
    'loginctl show-user "$(id -un)" -p Linger 2>/dev/null; :'
)


def machine_examinations(cluster: Cluster) -> tuple[Examination, ...]:
    """What every machine is examined for."""
    places = {"share": cluster.share, "work": cluster.work, "root": cluster.root}
    return (
        Examination((("sh", "-c", _LOGIN_FILES),), _login_files),
        Examination((("bash", "-c", _TOOLS, "bash", *NEEDED),), _tools),
        *(_place_examination(name, path) for name, path in {**places, "log": cluster.log}.items()),
        Examination((("quota", "-w"),), _quota),
    )


def plain_examinations(host: PlainHost) -> tuple[Examination, ...]:
    """What a machine that runs jobs itself is examined for besides."""
    inquiry = inquiry_of(host)

    def devices(answers: Answers) -> Iterator[Check]:
        snapshot = inquiry.read(answers)
        if isinstance(snapshot, PlainSnapshot):
            yield _gpus(host, snapshot)
        else:
            reason = snapshot.reason if isinstance(snapshot, Unreachable) else "it cannot be read"
            yield failed("hardware", reason, "is this a Linux machine?")

    return (
        Examination(inquiry.commands, devices),
        Examination((("sh", "-c", _LINGER),), _lingering),
    )


def clock_check(remote: str, before: float, after: float) -> Check:
    """Whether a clock that said *remote* is right, asked between *before* and *after* by ours."""
    text = remote.strip()
    if not text.isdecimal():
        return warned("clock", f"date said {text!r}", "is `date` GNU's there?")
    late = max(before - float(text) - 1, float(text) - after, 0.0)
    if late <= SKEW:
        return passed("clock", "as here")
    advice = "have both machines use NTP: times of logs and metadata do not compare"
    return warned("clock", f"{late:.0f} s apart from this machine's", advice)


def _login_files(answers: Answers) -> Iterator[Check]:
    (answer,) = answers
    lines = [line for line in answer.output.splitlines() if line.strip()]
    if answer.status != 0:
        found = f"the login shell ended with status {answer.status}"
        yield warned("login files", found, "see what they do in a shell without terminal")
    elif lines:
        advice = "theseus does not mind; scp and rsync do: print in interactive shells only"
        yield warned("login files", f"they print {count(len(lines), 'line')}", advice)
    else:
        yield passed("login files", "they print nothing")


def _tools(answers: Answers) -> Iterator[Check]:
    lines = [line.strip().partition(" ") for line in answers[0].output.splitlines()]
    found = {name: _number(said) for name, _, said in reversed(lines)}
    if _version(found.get("bash", "")) >= OLDEST_BASH:
        yield passed("bash", found["bash"])
    else:
        yield failed("bash", found.get("bash", "none"), "bootstrap needs bash 4.2 or later")
    missing = [tool for tool in NEEDED if tool not in found]
    if missing:
        yield failed("tools", f"missing: {', '.join(missing)}", "install them")
    else:
        yield passed("tools", "all that bootstrap needs")
    pythons = [_number(said) for name, _, said in lines if name == "python"]
    yield from _environment_tools(found, max(pythons, key=_version, default="none"))


def _environment_tools(found: Mapping[str, str], python: str) -> Iterator[Check]:
    if "uv" in found:
        yield passed("uv", found["uv"])
    else:
        advice = "one is fetched with pip when a project needs it; without a network, install it"
        yield warned("uv", "none", advice)
    if _version(python) >= OLDEST_PYTHON:
        yield passed("python", python)
    elif "uv" in found:
        yield warned(
            "python", python, "uv must have one of 3.9 or later: `uv python install` there"
        )
    else:
        yield failed("python", python, "install Python 3.9 or later, or uv")
    for tool in ("git", "zstd"):
        if tool in found:
            yield passed(tool, found[tool])
        else:
            yield warned(tool, "none", "theseus does without; jobs that call it do not")


def _place_examination(name: str, path: str) -> Examination:
    def judge(answers: Answers) -> Iterator[Check]:
        (answer,) = answers
        place, mode, usage, *written = (*answer.output.splitlines(), "", "", "")
        made = place.endswith(path.removeprefix("~"))
        shown = path if made else f"{path} (to be made in {place})"
        if "theseus" not in written:
            advice = "you must be able to write there: see its owner, quota and mount"
            yield failed(name, f"{shown}: {_reason(answer.errors)}", advice)
        elif name in {"share", "work"} and _open_to_all(mode):
            advice = f"runs are executed from there: `chmod o-w {place}`"
            yield failed(name, f"{shown} can be written to by everybody", advice)
        else:
            yield _space(name, shown, usage)

    return Examination((("sh", "-c", _LOOK, "sh", path),), judge)


def _space(name: str, shown: str, usage: str) -> Check:
    columns = usage.split()
    # df(1), -P: Filesystem 1024-blocks Used Available Capacity Mounted
    kilobytes = columns[3] if len(columns) > 5 else ""
    if not kilobytes.isdecimal():
        return passed(name, f"{shown}, writable")
    free = int(kilobytes) * _KIB
    found = f"{shown}, {show_memory(free)} free"
    if free < NO_SPACE:
        return failed(name, found, "make room: nothing can be unpacked there")
    if free < LITTLE_SPACE:
        return warned(name, found, "make room: an environment with PyTorch takes 5 GB")
    return passed(name, f"{found}, writable")


def _quota(answers: Answers) -> Iterator[Check]:
    (answer,) = answers
    # quota(1): a figure beyond its limit is marked by an asterisk
    over = [line.split()[0] for line in answer.output.splitlines() if re.search(r"\d\*", line)]
    if over:
        yield warned("quota", f"used up on {', '.join(over)}", "make room there")
    elif answer.status == 0:
        yield passed("quota", "not used up")


def _gpus(host: PlainHost, snapshot: PlainSnapshot) -> Check:
    wrong = () if snapshot.broken is None else (snapshot.broken,)
    if wrong := (*wrong, *snapshot.faults):
        return failed(
            "GPUs", "; ".join(wrong), "have the driver repaired, or the machine restarted"
        )
    there = {gpu.chip or gpu.name for gpu in snapshot.gpus}
    missing = [chip for chip in declared_chips(host) if chip != "cpu" and chip not in there]
    found = f"{len(snapshot.gpus)} x {', '.join(sorted(there))}" if there else "none"
    if missing:
        advice = "correct `chips` of the host, or see why the driver does not list them"
        return failed("GPUs", f"{found}; the config has {', '.join(missing)}", advice)
    return passed("GPUs", found)


def _lingering(answers: Answers) -> Iterator[Check]:
    (answer,) = answers
    said = dict(line.partition("=")[::2] for line in answer.output.splitlines())
    if said.get("KillUserProcesses") == "yes" and said.get("Linger") != "yes":
        advice = "run `loginctl enable-linger` there, or ask its administrators to"
        yield failed("logout", "ends all of your processes, runs too", advice)
    else:
        yield passed("logout", "runs survive it")


def _open_to_all(mode: str) -> bool:
    """Whether everybody may write, and replace what others wrote (no sticky bit)."""
    bits = int(mode, 8) if re.fullmatch("[0-7]+", mode) else 0
    return bool(bits & 0o002) and not bits & 0o1000


def _reason(errors: str) -> str:
    """What the first line of *errors* ends in, which is the system's own word."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[0].rpartition(": ")[2] if lines else "it cannot be looked at"


def _number(said: str) -> str:
    """The version in what a tool *said* of itself.

    >>> _number("*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***")
    '1.5.4'
    """
    found = re.search(r"\d+\.\d[\w.]*", said)
    return found[0] if found else said


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
