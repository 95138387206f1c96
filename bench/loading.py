"""Loading: a dispatch config of many hosts, beside PyYAML's parser in C alone.

Garbage is looked for as often as in the command line, which is less often than Python does it.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.measure import Row, compared, cpu_seconds, in_turns, looking_less_often, timed
from theseus.effects.reading.load import load_config

HOST = "  h{0}: {{type: plain, ssh: h{0}, cluster: lab, chips: {{h100: 8}}, uv_groups: [gpu]}}\n"


def rows(goes: int, hosts: int) -> Iterator[Row]:
    """The row for *hosts* hosts."""
    text = "clusters:\n  lab: {root: /r, work: /w}\nhosts:\n"
    text += "".join(HOST.format(number) for number in range(hosts))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "theseus.yaml"
        file.write_text(text)
        with looking_less_often():
            taken, beside = in_turns(
                goes,
                timed(lambda: load_config(str(file)).unwrap(), clock=cpu_seconds),
                timed(lambda: yaml.load(text, yaml.CSafeLoader), clock=cpu_seconds),
            )
    yield compared(f"load {hosts} hosts", taken, ("yaml.CSafeLoader", beside), 1.3)
