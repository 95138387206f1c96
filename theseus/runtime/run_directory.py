"""What files of a run directory are called that processes of a run hand one another.

Here: names. Never here: what is in the files.
"""

from __future__ import annotations

HARDWARE_FILE = "hardware.json"  # the hardware as it was found
EXCEPTION_FILE = "exception"  # what a registered job raised
