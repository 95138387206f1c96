"""The packed file: all that a plan puts on a host, as text for `bash` and `sbatch`."""

import base64
import hashlib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from tests.cases.case import CASES, planned
from tests.core.bash import words_of
from theseus.core.plan.packed import (
    LARGEST_BATCH_SCRIPT,
    batch_options,
    environment_problem,
    needed_variables,
    packed_files,
    packed_text,
    size_problem,
)
from theseus.core.plan.plan import Plan

SLURM = planned(CASES / "slurm-fits").unwrap()
PLAIN = planned(CASES / "secrets-from-the-environment").unwrap()
KEPT = planned(CASES / "secrets-stay-references").unwrap()
HEAD = "#!/bin/bash\necho packed\n"


def contents(plan: Plan) -> dict[str, bytes]:
    """Content for each of the files of *plan*."""
    return {file.path: file.path.encode() for file in packed_files(plan)}


def unpacked(text: str) -> Mapping[str, bytes]:
    """The files in the data of a packed file, after its digest was checked."""
    _, _, rest = text.partition("\n# theseus-data ")
    digest, _, data = rest.partition("\n")
    assert hashlib.sha256(data.encode()).hexdigest() == digest
    index, _, body = data.partition("\n\n")
    lines = iter(body.splitlines())
    files = {}
    for entry in index.splitlines():
        _, count, path = entry.split(" ", 2)
        files[path] = base64.b64decode("".join(next(lines) for _ in range(int(count))))
    assert list(lines) == []
    return files


def test_files() -> None:
    """The files of the steps are there, beneath the share, but for secrets."""
    paths = [file.path for file in packed_files(PLAIN)]
    run = "runs/20260101-120000-abcdef"
    assert f"{run}/job.env" in paths
    assert f"{run}/bootstrap.sh" in paths
    assert f"trees/{PLAIN.source.tree}.tar.gz" in paths
    assert f"{run}/secrets.env" not in paths


@given(st.binary(max_size=200))
def test_text(content: bytes) -> None:
    """What is packed is what comes out, with the head before it."""
    files = {**contents(PLAIN), "runs/20260101-120000-abcdef/job.env": content}
    text = packed_text(PLAIN, HEAD, files)
    assert text.startswith(HEAD)
    found = dict(unpacked(text))
    assert "packed_run=20260101-120000-abcdef\n" in found.pop("packed.env").decode()
    assert found == files


def test_secrets() -> None:
    """A secret is made of variables that are set where the file is started."""
    assert needed_variables(PLAIN) == ("SITE", "TOKEN", "WIDTH")
    assert needed_variables(KEPT) == ("HF_TOKEN", "VAULT", "WANDB_API_KEY")
    settings = unpacked(packed_text(PLAIN, HEAD, contents(PLAIN)))["packed.env"].decode()
    words = words_of(settings, "packed_secrets")
    assert words[words.index("URL") :][:6] == [
        *("URL", "text", "https://me:", "URL", "variable", "TOKEN")
    ]


def test_batch_options() -> None:
    """Options that sbatch needs stand in lines of it; those of a submission do not."""
    options = batch_options(SLURM)
    assert "--partition=gpu" in options
    assert '"--job-name=it\'s 100%-20260101-120000-abcdef"' in options
    assert not [line for line in options if line.startswith(("--parsable", "--output", "--chdir"))]
    assert packed_text(SLURM, HEAD, contents(SLURM)).startswith(
        f"#!/bin/bash\n#SBATCH {options[0]}\n"
    )
    assert batch_options(planned(CASES / "slurm-two-nodes").unwrap())[-1] == "--open-mode=append"
    assert batch_options(PLAIN) == ()


def test_values_in_words_of_their_own() -> None:
    """An option of the config whose value is a word of its own keeps it."""
    plan = planned(CASES / "slurm-options-in-two-words").unwrap()
    assert "--mail-user ada@example.org" in batch_options(plan)


def test_size() -> None:
    """Sbatch takes no larger script than its limit; bash takes any."""
    assert size_problem(SLURM, LARGEST_BATCH_SCRIPT) is None
    assert "4 MiB" in (size_problem(SLURM, LARGEST_BATCH_SCRIPT + 1) or "")
    assert size_problem(PLAIN, LARGEST_BATCH_SCRIPT + 1) is None


def test_environment_on_the_login_node() -> None:
    """Where it would be built on the login node, it is said that the file builds it elsewhere."""
    problem = environment_problem(planned(CASES / "slurm-env-on-login").unwrap())
    assert problem is not None
    assert "`env_on: login` of" in problem
    assert environment_problem(SLURM) is None
