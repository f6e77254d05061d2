"""Lines that tests ran, of the light half of the house and of the heavy one, which may import torch.

    make coverage
    python scripts/coverage_of_halves.py [DATA]     # of a .coverage file that is there

Which room is in which half is written in `tests/test_house_rules.py`. Exit 1 where a half has less than its share.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_house_rules import HEAVY_ROOMS, room  # noqa: E402

WANTED = {"light": 0.95, "heavy": 0.88}
"""Share of the lines of each half that tests run at least."""

SHOWN = 25


def counted(data: str) -> dict[str, tuple[int, int, list[int]]]:
    """Module, relative to the package -> its lines, those that ran, and the numbers of those that did not."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(out), f"--data-file={data}"]
        subprocess.run(command, check=True, cwd=ROOT)
        files = json.loads(out.read_text())["files"]
    found = {}
    for name, about in files.items():
        sums = about["summary"]
        module = name.rpartition("heldout/")[2] if "/heldout/" not in name else name.split("/heldout/", 1)[1]
        found[module] = sums["num_statements"], sums["covered_lines"], about["missing_lines"]
    return found


def half_of(module: str) -> str:
    """`light` or `heavy`."""
    return "heavy" if room(Path(module).with_suffix("").parts) in HEAVY_ROOMS else "light"


def main() -> int:
    """Print both shares and the modules with most lines that did not run."""
    files = counted(sys.argv[1] if len(sys.argv) > 1 else ".coverage")
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for module, (lines, ran, _) in files.items():
        sums[half_of(module)][0] += lines
        sums[half_of(module)][1] += ran
    for module, (lines, ran, missing) in sorted(files.items(), key=lambda item: item[1][1] - item[1][0])[:SHOWN]:
        print(f"{lines - ran:5} of {lines:4} lines of {module} ({half_of(module)}) did not run: {str(missing)[1:80]}")
    short = False
    for half, (lines, ran) in sums.items():
        print(f"{half} half: {ran} of {lines} lines, {ran / lines:.1%}; wanted {WANTED[half]:.0%}")
        short |= ran < WANTED[half] * lines
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
