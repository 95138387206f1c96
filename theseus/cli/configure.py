"""`theseus configure`: a job config to start from."""

from typing import Annotated

from returns.pipeline import is_successful

from theseus.cli.flags import List
from theseus.cli.invoke import DONE, say
from theseus.cli.report import report
from theseus.effects.reading.job_configs import write_job_config
from theseus.effects.reading.reading import here


def configure(
    job: str,
    output: str,
    /,
    *overrides: str,
    load: Annotated[tuple[str, ...], List] = (),
) -> int:
    """Write a job config with every field and default of a job.

    Parameters
    ----------
    job
        Key of the job.
    output
        YAML file to write; an existing one is not overwritten.
    overrides
        key=value to write instead of a default.
    load
        Module whose jobs are known too (repeat for more).
    """
    written = here().bind(lambda start: write_job_config(job, output, overrides, (start, load)))
    if not is_successful(written):
        return report(written.failure())
    say(
        f"wrote {output}; ??? marks what you have to fill in"
        if written.unwrap()
        else f"wrote {output}"
    )
    return DONE
