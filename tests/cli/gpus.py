"""Pretended GPUs: an `nvidia-smi` on the PATH that answers from a file, as the real one would."""

from tests.cli.desk import Desk

ANSWERS = """\
here=$(dirname "$0")/../gpus
case "$*" in
  *--query-gpu=*) cat "$here/query" ;;
  *--query-compute-apps=*) cat "$here/processes" ;;
  -L) sed 's/^\\([0-9]*\\), \\([^,]*\\), \\([^,]*\\),.*/GPU \\1: \\3 (UUID: \\2)/' "$here/query" ;;
  *) exit 2 ;;
esac"""
MEMORY = 81559  # MiB


def uuid(index: int) -> str:
    """The uuid of a pretended GPU."""
    return f"GPU-{index:08d}-aaaa-bbbb-cccc-dddddddddddd"


def pretend_gpus(desk: Desk, number: int, *busy: int, name: str = "NVIDIA H100 80GB HBM3") -> None:
    """Have *number* GPUs on this machine; processes hold all of the *busy* ones."""
    desk.program("nvidia-smi", ANSWERS)
    lines = [
        f"{at}, {uuid(at)}, {name}, {MEMORY}, {MEMORY if at in busy else 4}" for at in range(number)
    ]
    desk.write(str(desk.home / "gpus" / "query"), "".join(f"{line}\n" for line in lines))
    config = (desk.home / ".theseus.yaml").read_text()
    if "leases:" not in config:
        # not where other tests and users of this machine lease GPUs
        leases = f"type: plain\n    leases: {desk.place / 'leases'}\n"
        desk.write(str(desk.home / ".theseus.yaml"), config.replace("type: plain\n", leases))
    held = "".join(f"{uuid(at)}, {MEMORY}\n" for at in busy)
    desk.write(str(desk.home / "gpus" / "processes"), held)
