"""Every check that is silenced, and every test that may be skipped, says why beside it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# words of its own: what stands above or elsewhere is not beside it
REASON = r"[ #-]+(?!as above|see above|as in |as [A-Z]+[0-9])[^\s#-].{8,}"
SILENCED = {
    r"# noqa\b": rf"# noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)*{REASON}",
    r"# type: ignore\b": rf"# type: ignore\[[a-z, -]+\]{REASON}",
    r"# shellcheck .*(disable|source)=": rf"# shellcheck .*(disable|source)=[\w,/]+{REASON}",
    r"# (fmt|ruff|isort|mypy): ": r"(?!)",
    r"# pragma: ": r"(?!)",
    r"mark\.xfail|pytest\.xfail|importorskip": r"(?!)",
    r"mark\.skip\(": r"(?!)",
    r"mark\.skipif\(": r"mark\.skipif\(.+, reason=\"[^\"]{10,}\"",
    r"\bignore_errors=True": rf"ignore_errors=True.*  #{REASON}",
    r"pytest\.skip\(": rf"pytest\.skip\((f?\"[^\"]{{10,}}|reason\){REASON})",
}


def sources() -> list[Path]:
    """The files of this repository that may silence a check, but for this one."""
    words = ("git", "ls-files", "-z", "--", "*.py", "*.sh", ".ci")
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in said.split("\0") if name and ROOT / name != Path(__file__)]


@pytest.mark.parametrize("silenced", SILENCED)
def test_reasons(silenced: str) -> None:
    """What silences a check names it and gives its reason; whatever hides code is not used."""
    wanting = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sources()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(silenced, line) and not re.search(SILENCED[silenced], line)
    ]
    assert wanting == []


def test_reasons_of_the_project() -> None:
    """Each thing that pyproject.toml silences stands on a line of its own, with its reason."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    openings = (
        "\nignore = [\n",
        "\nextend-immutable-calls = [\n",
        "\n[tool.ruff.lint.per-file-ignores]\n",
        "\nexclude_also = [\n",
    )
    for opening in openings:
        section = text.partition(opening)[2].partition("\n\n")[0]
        lines = [line for line in section.splitlines() if line.strip(" ]")]
        assert lines, opening
        one_with_its_reason = rf'\s+"[^"]+",\s*#{REASON}'
        names = r'"[^"]+" = \['
        assert [x for x in lines if not re.fullmatch(f"{one_with_its_reason}|{names}", x)] == []
    loosened = [
        line
        for line in text.splitlines()
        if re.match(r"(allow_indirect_imports|exclude|extend-exclude|omit|ignore_\w+) =", line)
    ]
    assert loosened
    assert [line for line in loosened if not re.search(rf"#{REASON}$", line)] == []
    assert not re.search(r"# as ([A-Z]+[0-9]+|above)", text)
