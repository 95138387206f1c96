"""Packed: a whole run as the text of one file, to be handed to `bash` or `sbatch` by hand.

The file is `sh/packed.sh`, `#SBATCH` lines after its first line, and data after its last:

    # theseus-data SHA256             of all that follows, byte for byte
    MODE LINES PATH                   a file; PATH lies beneath the share, or is `packed.env`
    …
                                      an empty line, and the base64 of each file, LINES long

`packed.env` tells packed.sh what the run is, where its places were planned and what secrets it
needs. No secret is in the file: each is made of variables that are set where the file is started.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import assert_never

from theseus.core.config.secrets import (
    CommandSecret,
    ConfigSecret,
    EnvironmentSecret,
    FileSecret,
    JoinedSecret,
    Secret,
)
from theseus.core.plan.modes import PRIVATE_SCRIPT
from theseus.core.plan.plan import Plan
from theseus.core.plan.steps import (
    BuildEnvironment,
    Content,
    EnsureFile,
    EnsureTree,
    PutFile,
    PutSecrets,
    Submit,
    Text,
)
from theseus.core.text.shell import array_file, environment_file, path_word, word
from theseus.core.values import frozen

# slurm.conf(5), max_script_size: a larger batch script is refused; the default is 4 megabytes
LARGEST_BATCH_SCRIPT = 4 * 2**20
_TREE_MODE = 0o644
_LINE = 76 * 3 // 4  # bytes in a line of base64
# what the step that submits says, and the file does not: `sbatch` answers the person who calls it,
# output goes where that person is, and secrets come with the environment
_OF_SUBMISSION = ("--parsable", "--output=", "--chdir=", "--export=")
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


@frozen
class PackedFile:
    """A file that the packed one lays at *path*, relative to the share."""

    path: str
    mode: int
    content: Content | EnsureTree


def packed_files(plan: Plan) -> tuple[PackedFile, ...]:
    """The files that the steps of *plan* put on the host, but for secrets."""
    return tuple(_files(plan))


def needed_variables(plan: Plan) -> tuple[str, ...]:
    """The variables that must be set where the packed file is started."""
    parts = _secret_parts(plan)
    return tuple(sorted({value for _, kind, value in parts if kind == "variable"}))


def packed_text(plan: Plan, head: str, contents: Mapping[str, bytes]) -> str:
    """The packed file of *plan*; *head* is packed.sh, *contents* are the files by their path."""
    entries = [
        (PRIVATE_SCRIPT, "packed.env", _settings(plan).encode("utf-8", "surrogateescape")),
        *((file.mode, file.path, contents[file.path]) for file in packed_files(plan)),
    ]
    index = "".join(
        f"{mode:04o} {-(-len(content) // _LINE)} {path}\n" for mode, path, content in entries
    )
    data = f"{index}\n" + "".join(
        base64.encodebytes(content).decode("ascii") for _, _, content in entries
    )
    shebang, newline, rest = head.partition("\n")
    options = "".join(f"#SBATCH {line}\n" for line in batch_options(plan))
    digest = hashlib.sha256(data.encode()).hexdigest()
    return f"{shebang}{newline}{options}{rest}# theseus-data {digest}\n{data}"


def batch_options(plan: Plan) -> tuple[str, ...]:
    """What stands after `#SBATCH` in each line; nothing for a host without SLURM."""
    return tuple(
        line for step in plan.steps if isinstance(step, Submit) for line in _lines(step.argv[1:-2])
    )


def size_problem(plan: Plan, size: int) -> str | None:
    """What is wrong with *size* bytes for a file that `sbatch` is to take."""
    if not batch_options(plan) or size <= LARGEST_BATCH_SCRIPT:
        return None
    return (
        f"the file has {size / 2**20:.1f} MiB, and sbatch takes no script over 4 MiB unless the "
        "site allows more: start it as `sbatch OPTIONS --wrap 'bash FILE'`, with the options of "
        "its #SBATCH lines"
    )


def environment_problem(plan: Plan) -> str | None:
    """What is wrong with the file where the environment is to be built on the login node."""
    if not any(isinstance(step, BuildEnvironment) for step in plan.steps):
        return None
    return (
        f"`env_on: login` of {plan.target.host} is for runs that are submitted: this one builds "
        "its environment on the node, unless an earlier run has built the same one on its share; "
        "where nodes have no network, submit such a run first"
    )


def _files(plan: Plan) -> Iterator[PackedFile]:
    beneath = f"{plan.paths.share}/"
    for step in plan.steps:
        match step:
            case PutFile(_, path, mode, content) | EnsureFile(_, path, mode, content):
                yield PackedFile(path.removeprefix(beneath), mode, content)
            case EnsureTree(_, path, _):
                yield PackedFile(path.removeprefix(beneath), _TREE_MODE, step)
            case _:
                continue


def _lines(words: tuple[str, ...]) -> Iterator[str]:
    """The options among *words*, each with the value that stands in a word of its own."""
    option = ""
    for each in words:
        if not each.startswith("-"):
            option = f"{option} {_batch_word(each)}"
            continue
        if option:
            yield option
        option = "" if each.startswith(_OF_SUBMISSION) else _batch_word(each)
    if option:
        yield option


def _batch_word(text: str) -> str:
    r"""*text* as sbatch reads one word of a line: in double quotes, `"` and a backslash escaped.

    >>> _batch_word("--job-name=it's #1")
    '"--job-name=it\'s #1"'
    """
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _settings(plan: Plan) -> str:
    run, cluster = plan.run, _cluster(plan)
    variables = {
        "packed_run": run.id,
        "packed_name": run.name,
        "packed_log_name": plan.paths.log.rpartition("/")[2],
    }
    places = {f"packed_planned_{name}": cluster[name] for name in ("root", "work", "share", "log")}
    pairs = (each for name, path in cluster.items() for each in (name, path_word(path)))
    secrets = (word(text) for part in _secret_parts(plan) for text in part)
    return (
        environment_file(variables, places)
        + array_file("packed_paths", pairs)
        + array_file("packed_secrets", secrets)
    )


def _cluster(plan: Plan) -> dict[str, str]:
    """The paths of the cluster, as the payload of *plan* tells them to the job."""
    texts = {
        step.path: step.content.text
        for step in plan.steps
        if isinstance(step, PutFile) and isinstance(step.content, Text)
    }
    cluster = json.loads(texts[f"{plan.paths.run}/payload.json"])["hardware"]["cluster"]
    return {name: path for name, path in cluster.items() if name != "name"}


def _secret_parts(plan: Plan) -> tuple[tuple[str, str, str], ...]:
    """The parts of each secret, in order: its variable, `text` or `variable`, and which."""
    return tuple(
        (secret.variable, kind, value)
        for step in plan.steps
        if isinstance(step, PutSecrets)
        for secret in step.secrets
        for kind, value in _parts(secret)
    )


def _parts(secret: Secret) -> Iterator[tuple[str, str]]:
    match secret.reference:
        case EnvironmentSecret(variable):
            yield "variable", variable
        case JoinedSecret(parts):
            for part in parts:
                yield ("text", part) if isinstance(part, str) else ("variable", part.variable)
        case FileSecret() | CommandSecret() | ConfigSecret():
            # file and command are the client's: where the file is started, the value itself is set
            yield "variable", secret.variable
        case _:
            assert_never(secret.reference)
