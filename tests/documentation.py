"""Documentation: the pages of the project as values, cut into fences, tables and sections."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

REPOSITORY = Path(__file__).resolve().parents[1]
DOC = REPOSITORY / "doc"
CHART = DOC / "dispatch-flow-ascii.txt"

_FENCE = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_SHELL_ENDS = frozenset({"|", "||", "&&", ";", ">", ">>"})


@frozen
class Fence:
    """A fenced block: its *language* and *text*."""

    language: str
    text: str


@frozen
class Page:
    """A Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path within the repository."""
        return self.path.relative_to(REPOSITORY).as_posix()

    @property
    def prose(self) -> str:
        """The page without its fences."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> tuple[str, ...]:
        """The spans of code in its prose."""
        return tuple(_CODE.findall(self.prose))

    @property
    def links(self) -> tuple[str, ...]:
        """The targets of its links that lie in this repository."""
        return tuple(link for link in _LINK.findall(self.prose) if "://" not in link)

    @property
    def anchors(self) -> frozenset[str]:
        """What a `#` of a link may name: its headings, as web views of Markdown spell them."""
        headings = (found[2].lower() for found in _HEADING.finditer(self.prose))
        return frozenset(_NOT_IN_SLUG.sub("", text).replace(" ", "-") for text in headings)

    def fences(self, *languages: str) -> tuple[Fence, ...]:
        """Its fenced blocks in one of *languages*."""
        found = (Fence(match[2], _dedented(match)) for match in _FENCE.finditer(self.text))
        return tuple(fence for fence in found if fence.language in languages)

    def section(self, heading: str) -> str:
        """The text below *heading*, up to the next one of its rank or above."""
        found = next(each for each in _HEADING.finditer(self.text) if each[2] == heading)
        rest = self.text[found.end() :]
        end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
        return rest if end is None else rest[: end.start()]


def pages() -> tuple[Page, ...]:
    """Every Markdown file of the project."""
    files = [*REPOSITORY.glob("*.md"), *DOC.rglob("*.md"), *(REPOSITORY / "examples").rglob("*.md")]
    return tuple(page(file) for file in sorted(files) if ".venv" not in file.parts)


def page(path: Path) -> Page:
    """The page in the file *path*."""
    return Page(path, path.read_text(encoding="utf-8"))


def first_cells(section: str) -> frozenset[str]:
    """The names that stand as code in the first column of a section's tables, below the heads."""
    lines = section.splitlines()
    heads = {at - 1 for at, line in enumerate(lines) if line.startswith("|---")}
    rows = (line for at, line in enumerate(lines) if line.startswith("| `") and at not in heads)
    return frozenset(name for row in rows for name in _CODE.findall(row.split("|")[1]))


def command_lines(fence: Fence) -> Iterator[tuple[str, ...]]:
    """The words of each `theseus …` command in a block of shell or of a terminal session."""
    prompt = "$ " if fence.language == "console" else ""
    for line in fence.text.replace("\\\n", " ").splitlines():
        if line.startswith(f"{prompt}theseus "):
            yield tuple(_first_command(line.removeprefix(prompt)))


def _first_command(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in lexer:
        if word in _SHELL_ENDS:
            return
        yield word


def _dedented(match: re.Match[str]) -> str:
    return "".join(line.removeprefix(match[1]) for line in match[3].splitlines(keepends=True))
