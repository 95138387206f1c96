"""The chips theseus knows.

Here: what a chip is called by us, by people and by its driver. Never here: counting chips or
looking for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Mapping, Optional, Tuple

_GIB = 2**30


@dataclass(frozen=True)
class Chip:
    """One kind of accelerator, or the CPU.

    *name* is the key used in configs and requests, *memory* its nominal size in bytes (0 where it
    is the host's), *patterns* are regular expressions found in the product names of nvidia-smi and
    rocm-smi.
    """

    name: str
    display_name: str
    memory: int
    patterns: Tuple[str, ...] = ()

    def describes(self, device_name: str) -> bool:
        """Whether a driver's product name is one of this chip's.

        >>> SUPPORTED_CHIPS["l4"].describes("NVIDIA L40S")
        False
        """
        return any(re.search(pattern, device_name, re.IGNORECASE) for pattern in self.patterns)


# Key, name for people, memory in GiB, patterns. `\b` keeps L4 from L40S, and A10 from A100.
# A chip in a laptop has another die and less memory than its namesake on a card.
_CARD = r"(?!.*(laptop|mobile|max-q))"
_TABLE: Tuple[Tuple[str, str, float, Tuple[str, ...]], ...] = (
    ("cpu", "CPU", 0, ()),
    # NVIDIA, data centre
    ("gb300", "NVIDIA GB300", 279, (r"\bGB300\b",)),
    ("gb200", "NVIDIA GB200", 186, (r"\bGB200\b",)),
    ("gb10", "NVIDIA GB10", 128, (r"\bGB10\b",)),
    ("gh200", "NVIDIA GH200", 96, (r"\bGH200\b",)),
    ("b300", "NVIDIA B300", 288, (r"\bB300\b",)),
    ("b200", "NVIDIA B200", 180, (r"\bB200\b",)),
    ("h200", "NVIDIA H200", 141, (r"\bH200\b",)),
    ("h100", "NVIDIA H100", 80, (r"\bH100\b",)),
    ("h800", "NVIDIA H800", 80, (r"\bH800\b",)),
    ("h20", "NVIDIA H20", 96, (r"\bH20\b",)),
    ("a100-sxm4-80gb", "NVIDIA A100 SXM4 80 GB", 80, (r"\bA100-SXM4-80GB\b",)),
    ("a100-sxm4-40gb", "NVIDIA A100 SXM4 40 GB", 40, (r"\bA100-SXM4-40GB\b",)),
    ("a100-sxm-64gb", "NVIDIA A100 SXM 64 GB", 64, (r"\bA100-SXM4?-64GB\b",)),
    (
        "a100-pcie-80gb",
        "NVIDIA A100 PCIe 80 GB",
        80,
        (r"\bA100 80GB PCIe\b", r"\bA100-PCIE-80GB\b"),
    ),
    (
        "a100-pcie-40gb",
        "NVIDIA A100 PCIe 40 GB",
        40,
        (r"\bA100-PCIE-40GB\b", r"\bA100 40GB PCIe\b"),
    ),
    ("a800", "NVIDIA A800", 80, (r"\bA800\b(?!.* 40GB Active)",)),
    ("a40", "NVIDIA A40", 48, (r"\bA40\b",)),
    ("a30", "NVIDIA A30", 24, (r"\bA30\b",)),
    ("a16", "NVIDIA A16", 16, (r"\bA16\b",)),
    ("a10g", "NVIDIA A10G", 24, (r"\bA10G\b",)),
    ("a10", "NVIDIA A10", 24, (r"\bA10\b",)),
    ("a2", "NVIDIA A2", 16, (r"\bA2\b",)),
    ("l40s", "NVIDIA L40S", 48, (r"\bL40S\b",)),
    ("l40", "NVIDIA L40", 48, (r"\bL40\b",)),
    ("l4", "NVIDIA L4", 24, (r"\bL4\b",)),
    ("t4", "NVIDIA T4", 16, (r"\bT4\b",)),
    # Sold with 16 and with 32 GB, but asked for by the one name, so the lesser memory holds.
    ("v100", "NVIDIA V100", 16, (r"\bV100S?\b",)),
    ("p100", "NVIDIA P100", 16, (r"\bP100\b",)),
    ("k80", "NVIDIA K80", 12, (r"\bK80\b",)),
    # NVIDIA, workstation
    ("rtxpro6000", "NVIDIA RTX PRO 6000 Blackwell", 96, (r"\bRTX PRO 6000 Blackwell\b",)),
    ("ada6000", "NVIDIA RTX 6000 Ada", 48, (r"\bRTX 6000 Ada\b",)),
    ("ada5000", "NVIDIA RTX 5000 Ada", 32, (rf"^{_CARD}.*\bRTX 5000 Ada\b",)),
    ("a6000", "NVIDIA RTX A6000", 48, (r"\bRTX A6000\b",)),
    ("a5000", "NVIDIA RTX A5000", 24, (rf"^{_CARD}.*\bRTX A5000\b",)),
    ("a4000", "NVIDIA RTX A4000", 16, (rf"^{_CARD}.*\bRTX A4000\b",)),
    ("rtx8000", "NVIDIA Quadro RTX 8000", 48, (r"\bQuadro RTX 8000\b",)),
    ("rtx6000", "NVIDIA Quadro RTX 6000", 24, (rf"^{_CARD}.*\bQuadro RTX 6000\b",)),
    ("titanrtx", "NVIDIA TITAN RTX", 24, (r"\bTITAN RTX\b",)),
    # NVIDIA, desktop
    ("rtx5090", "NVIDIA GeForce RTX 5090", 32, (rf"^{_CARD}.*\bRTX 5090\b",)),
    ("rtx5080", "NVIDIA GeForce RTX 5080", 16, (rf"^{_CARD}.*\bRTX 5080\b",)),
    ("rtx4090", "NVIDIA GeForce RTX 4090", 24, (rf"^{_CARD}.*\bRTX 4090\b",)),
    ("rtx4080", "NVIDIA GeForce RTX 4080", 16, (rf"^{_CARD}.*\bRTX 4080\b",)),
    ("rtx3090", "NVIDIA GeForce RTX 3090", 24, (r"\bRTX 3090\b",)),
    ("rtx3080", "NVIDIA GeForce RTX 3080", 10, (rf"^{_CARD}.*\bRTX 3080\b(?! Ti)",)),
    ("rtx2080ti", "NVIDIA GeForce RTX 2080 Ti", 11, (r"\bRTX 2080 Ti\b",)),
    ("gtx1080ti", "NVIDIA GeForce GTX 1080 Ti", 11, (r"\bGTX 1080 Ti\b",)),
    # AMD. One device is what rocm-smi lists: half of an MI250 card.
    # Of the MI200 (MCM), the liquid-cooled is the MI250X; pci.ids writes [Instinct MI250X/MI250].
    ("mi355x", "AMD Instinct MI355X", 288, (r"\bMI355X\b",)),
    ("mi325x", "AMD Instinct MI325X", 256, (r"\bMI325X\b",)),
    ("mi300x", "AMD Instinct MI300X", 192, (r"\bMI300X\b",)),
    ("mi300a", "AMD Instinct MI300A", 128, (r"\bMI300A\b",)),
    ("mi250x", "AMD Instinct MI250X", 64, (r"\bMI250X\b", r"\bMI200 \(MCM\) OAM LC\b")),
    ("mi250", "AMD Instinct MI250", 64, (r"(?<!MI250X/)\bMI250\b",)),
    ("mi210", "AMD Instinct MI210", 64, (r"\bMI210\b",)),
    ("mi100", "AMD Instinct MI100", 32, (r"\bMI100\b",)),
)

SUPPORTED_CHIPS: Mapping[str, Chip] = MappingProxyType(
    {key: Chip(key, title, int(gib * _GIB), patterns) for key, title, gib, patterns in _TABLE}
)


def chip_named_by(device_name: str) -> Optional[Chip]:
    """The chip that nvidia-smi or rocm-smi calls *device_name*; None when theseus knows none.

    >>> chip_named_by("NVIDIA H100 80GB HBM3").name
    'h100'
    """
    return next((chip for chip in SUPPORTED_CHIPS.values() if chip.describes(device_name)), None)
