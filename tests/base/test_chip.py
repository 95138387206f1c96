"""The chips: every device name that drivers print means one chip at most."""

import pytest

from theseus.base.chip import SUPPORTED_CHIPS, Chip, chip_named_by

REAL_NAMES = {
    "NVIDIA GB300": "gb300",
    "NVIDIA GB200": "gb200",
    "NVIDIA GB10": "gb10",
    "NVIDIA GH200 480GB": "gh200",
    "NVIDIA GH200 144G HBM3e": "gh200",
    "NVIDIA B300 SXM6 AC": "b300",
    "NVIDIA B200": "b200",
    "NVIDIA H200": "h200",
    "NVIDIA H200 NVL": "h200",
    "NVIDIA H100 80GB HBM3": "h100",
    "NVIDIA H100 PCIe": "h100",
    "NVIDIA H100 NVL": "h100",
    "NVIDIA H800": "h800",
    "NVIDIA H20": "h20",
    "NVIDIA A100-SXM4-80GB": "a100-sxm4-80gb",
    "A100-SXM4-40GB": "a100-sxm4-40gb",
    "NVIDIA A100-SXM4-40GB": "a100-sxm4-40gb",
    "NVIDIA A100-SXM-64GB": "a100-sxm-64gb",
    "NVIDIA A100 80GB PCIe": "a100-pcie-80gb",
    "NVIDIA A100-PCIE-40GB": "a100-pcie-40gb",
    "NVIDIA A800-SXM4-80GB": "a800",
    "NVIDIA A40": "a40",
    "NVIDIA A30": "a30",
    "NVIDIA A16": "a16",
    "NVIDIA A10": "a10",
    "NVIDIA A10G": "a10g",
    "NVIDIA A2": "a2",
    "NVIDIA L40": "l40",
    "NVIDIA L40S": "l40s",
    "NVIDIA L4": "l4",
    "Tesla T4": "t4",
    "Tesla V100-SXM2-16GB": "v100",
    "Tesla V100-SXM2-32GB": "v100",
    "Tesla V100S-PCIE-32GB": "v100",
    "Tesla P100-PCIE-16GB": "p100",
    "Tesla K80": "k80",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": "rtxpro6000",
    "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition": "rtxpro6000",
    "NVIDIA RTX 6000 Ada Generation": "ada6000",
    "NVIDIA RTX 5000 Ada Generation": "ada5000",
    "NVIDIA RTX A6000": "a6000",
    "RTX A6000": "a6000",
    "NVIDIA RTX A5000": "a5000",
    "NVIDIA RTX A4000": "a4000",
    "Quadro RTX 8000": "rtx8000",
    "Quadro RTX 6000": "rtx6000",
    "NVIDIA TITAN RTX": "titanrtx",
    "NVIDIA GeForce RTX 5090": "rtx5090",
    "NVIDIA GeForce RTX 5080": "rtx5080",
    "NVIDIA GeForce RTX 4090": "rtx4090",
    "NVIDIA GeForce RTX 4090 D": "rtx4090",
    "NVIDIA GeForce RTX 4080 SUPER": "rtx4080",
    "GeForce RTX 3090": "rtx3090",
    "NVIDIA GeForce RTX 3090 Ti": "rtx3090",
    "NVIDIA GeForce RTX 3080": "rtx3080",
    "NVIDIA GeForce RTX 2080 Ti": "rtx2080ti",
    "GeForce GTX 1080 Ti": "gtx1080ti",
    "AMD Instinct MI355X": "mi355x",
    "AMD Instinct MI325X OAM": "mi325x",
    "AMD Instinct MI300X OAM": "mi300x",
    "AMD Instinct MI300A": "mi300a",
    "AMD Instinct MI250X": "mi250x",
    "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2": "mi250x",
    "Aldebaran/MI200 [Instinct MI250X/MI250]": "mi250x",
    "AMD INSTINCT MI250 (MCM) OAM AC MBA": "mi250",
    "AMD Instinct MI210": "mi210",
    "Arcturus GL-XL [AMD Instinct MI100]": "mi100",
}
OTHER_NAMES = (
    "",
    "Quadro P620",
    "NVIDIA DGX Display",
    "NVIDIA GeForce RTX 4090 Laptop GPU",
    "NVIDIA GeForce RTX 3080 Ti",
    "NVIDIA RTX A5000 Laptop GPU",
    "NVIDIA RTX 4000 Ada Generation",
    "NVIDIA RTX 5000 Ada Generation Laptop GPU",
    "NVIDIA T400 4GB",
    "NVIDIA A1000",
    "Radeon RX 7900 XT",
)


@pytest.mark.parametrize(("device_name", "key"), REAL_NAMES.items())
def test_a_real_device_name_means_one_chip(device_name: str, key: str) -> None:
    """A name that a driver prints is that of exactly one chip."""
    described = [chip.name for chip in SUPPORTED_CHIPS.values() if chip.describes(device_name)]
    assert described == [key]
    assert chip_named_by(device_name) is SUPPORTED_CHIPS[key]
    assert chip_named_by(device_name.upper()) is SUPPORTED_CHIPS[key]


@pytest.mark.parametrize("device_name", OTHER_NAMES)
def test_a_strange_device_name_means_no_chip(device_name: str) -> None:
    """A device that theseus does not know is not taken for one that it knows."""
    assert chip_named_by(device_name) is None


def test_every_chip_but_the_cpu_is_found_by_a_real_name() -> None:
    """No pattern is without a device name that proves it."""
    assert {"cpu", *REAL_NAMES.values()} == set(SUPPORTED_CHIPS)


def test_a_chip_is_listed_under_its_name() -> None:
    """Keys are names, and only the CPU has no memory of its own."""
    assert all(chip.name == key for key, chip in SUPPORTED_CHIPS.items())
    assert [key for key, chip in SUPPORTED_CHIPS.items() if chip.memory == 0] == ["cpu"]


def test_chips_cannot_be_changed() -> None:
    """The table is read-only, and so is each chip, which can be hashed."""
    with pytest.raises(TypeError):
        SUPPORTED_CHIPS["h100"] = Chip("h100", "", 0)  # type: ignore[index] # refused, also at run time
    with pytest.raises(AttributeError):
        SUPPORTED_CHIPS["h100"].memory = 0  # type: ignore[misc] # refused, also at run time
    assert len(set(SUPPORTED_CHIPS.values())) == len(SUPPORTED_CHIPS)
