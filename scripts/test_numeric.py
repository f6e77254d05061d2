"""The tests marked `numeric` under several kernels of OpenBLAS, with one and with two threads.

    python scripts/test_numeric.py              # about five minutes; exit code 1 if any of them fails
    python scripts/test_numeric.py Haswell      # under one kernel

OpenBLAS chooses its kernel by the processor; `OPENBLAS_CORETYPE` stands in for another one. The variable is set for
each call alone. numpy and scipy bring a library each: both have to have taken the kernel, else the call is skipped and
says so, since this processor cannot run it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

KERNELS = {"Haswell": ("Haswell",), "Sandybridge": ("Sandybridge",), "Prescott": ("Prescott", "Katmai")}
"""What is asked for -> what threadpoolctl calls it. With AVX2, with AVX, and with SSE3 alone: other widths of vectors,
and so other orders of summation. Any x86 processor of the last ten years runs all three."""

ASKED = (("Haswell", 1), ("Haswell", 2), ("Sandybridge", 1), ("Prescott", 2))
"""Kernel and number of threads of each call."""

LIBRARIES = """
import json, numpy, scipy.linalg, threadpoolctl
print(json.dumps([(one["architecture"], one["num_threads"]) for one in threadpoolctl.threadpool_info()
                  if one["internal_api"] == "openblas"]))
"""


def marked() -> list[str]:
    """The files that name the mark. To collect all others too takes longer than these tests."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in paths if "mark.numeric" in path.read_text(encoding="utf-8")]


def main() -> int:
    """Every call, and a line on each."""
    files, failed = marked(), []
    if not files:
        sys.exit("no file under tests/ names the mark `numeric`")
    for kernel, threads in [call for call in ASKED if not sys.argv[1:] or call[0] in sys.argv[1:]]:
        name = f"{kernel}, {threads} thread{'s' if threads > 1 else ''}"
        own = os.environ | {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": str(threads)}
        found = json.loads(subprocess.run([sys.executable, "-c", LIBRARIES], env=own, text=True, **READ).stdout)
        if len(found) < 2 or any(one not in KERNELS[kernel] or number != threads for one, number in found):
            print(f"{name}: SKIPPED, since this machine's numpy and scipy take {found} instead", flush=True)
            continue
        started = time.perf_counter()
        processes = ["-n", "2", "--dist", "loadfile"] if threads == 1 else []
        words = ["-q", "-m", "numeric and not slow", *processes, *files]
        code = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=own).returncode
        print(f"{name}: {'FAILED' if code else 'passed'} in {time.perf_counter() - started:.0f} s", flush=True)
        failed += [name] if code else []
    return 1 if failed else 0


READ = {"check": True, "stdout": subprocess.PIPE}

if __name__ == "__main__":
    sys.exit(main())
