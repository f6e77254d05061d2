"""The self-test of a folder in a Python of its own, which finds the packages that the caller finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from heldout.errors import HeldoutError
from heldout.handing_over.names import SCRIPT

LONGEST = 600
"""Seconds that the self-test may take, the start of Python included."""

PLACES = ("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONPLATLIBDIR")
"""Settings of Python that say where packages are; no other is passed on."""


def run_self_test(folder: Path) -> None:
    """Have `predict.py` answer its images.

    Raises:
        HeldoutError: It does not answer as the run's network does.
    """
    words = [sys.executable, "-B", str(folder / SCRIPT), "--self-test"]
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON") or name in PLACES}
    done = subprocess.run(
        words, env=settings, capture_output=True, encoding="utf-8", errors="replace", timeout=LONGEST, check=False
    )
    if done.returncode:
        told = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise HeldoutError(f"The folder's self-test fails, and nothing was written. {SCRIPT} says:\n{told}")
