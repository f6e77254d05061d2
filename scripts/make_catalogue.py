"""Make `src/heldout/backbones/catalogue.csv` from the installed torchvision and timm.

    python scripts/make_catalogue.py            # figures of the present table are taken over, new ones are counted
    python scripts/make_catalogue.py --anew     # everything is counted again: about ten minutes on one core

Interrupted, it goes on where it stopped: what was counted is kept in a journal beside the table until it is whole.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    """Make the table and say how many figures could not be counted."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--anew", action="store_true", help="count everything again")
    anew = arguments.parse_args().anew

    from heldout.backbones.make_table import make_table
    from heldout.backbones.table import SHIPPED, read_table

    present = read_table(SHIPPED).entries if SHIPPED.is_file() and not anew else ()
    count = make_table(SHIPPED, {entry.info.name: entry for entry in present})
    entries = read_table(SHIPPED).entries
    without = [entry.info.name for entry in entries if entry.info.gflops is None]
    print(f"{count} rows in {Path(SHIPPED).name}; multiply-adds unknown for {len(without)}: {', '.join(without[:10])}")


if __name__ == "__main__":
    main()
