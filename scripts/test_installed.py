"""The wheel installed into a fresh virtual environment, and a small study made with it in an empty folder.

python scripts/test_installed.py                                                   # this Python, newest dependencies
python scripts/test_installed.py --python python3.11 --dependencies lowest         # the lower bounds of pyproject.toml
python scripts/test_installed.py --uv uv                                           # installed by uv, where it is faster

It prints the versions that were tested and ends with status 1 at the first command that fails. Nothing of the checkout
is on the way of imports: what is tested is what people get.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent

RUN = ["run", "cells", "--models", "efficientnet_lite0", "--strategies", "probe,finetune", "--epochs", "1"]
STUDY: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("phantom", "cells", "--n", "100", "--image-size", "32", "--val", "--plant", "blur=2"),
    ("inspect", "cells"),
    (*RUN, "--image-size", "32", "--out", "study"),
    ("compare", "study"),
    ("diagnose", "study"),
    ("report", "study"),
    ("stress", "study", "--only", "noise"),
    ("predict", "study/runs/RUN", "image.png", "--csv", "answers.csv"),
)
"""From images to answers; RUN is a run of the study."""

LEFT = ("study/report.html", "answers.csv")
"""What the study leaves behind."""


def lowest(project: Path) -> list[str]:
    """The lower bounds of a `pyproject.toml` as constraints.

    Args:
        project: The file.

    Returns:
        `NAME==BOUND` for every dependency.

    Raises:
        ValueError: Dependencies without a lower bound; all of them are named.
    """
    dependencies = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    parts = {line: re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?>=([\w.]+)(?:,.*)?", line) for line in dependencies}
    without = [line for line, found in parts.items() if found is None]
    if without:
        raise ValueError(f"Found {', '.join(without)}; expected NAME>=VERSION.")
    return [f"{found[1]}=={found[2]}" for found in parts.values() if found is not None]


def installed(folder: Path, python: str, wheel: Path, constraints: Path | None, uv: str | None) -> Path:
    """A new virtual environment with the wheel in it.

    Returns:
        Its Python.
    """
    made = folder / "environment"
    inside = made / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    bound = ["--constraint", str(constraints)] if constraints else []
    if uv:
        subprocess.run([uv, "venv", "--quiet", "--python", python, str(made)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(inside), *bound, str(wheel)], check=True)
    else:
        subprocess.run([python, "-m", "venv", str(made)], check=True)
        subprocess.run([str(inside), "-m", "pip", "install", "--quiet", *bound, str(wheel)], check=True)
    return inside


def versions(python: Path, names: list[str]) -> dict[str, str]:
    """Versions of packages as they are installed."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    told = subprocess.run([str(python), "-c", code, *names], check=True, capture_output=True, text=True).stdout
    return dict(zip(names, told.split(), strict=True))


def make_study(python: Path, folder: Path) -> None:
    """Carry out `STUDY` in an empty folder.

    Raises:
        SystemExit: A command failed, or left nothing behind.
    """
    folder.mkdir()
    code = "from PIL import Image; Image.linear_gradient('L').resize((32, 32)).save('image.png')"
    subprocess.run([str(python), "-c", code], cwd=folder, check=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["HELDOUT_CACHE"] = str(folder / "cache")
    for words in STUDY:
        run = next((str(path) for path in sorted(folder.glob("study/runs/*")) if (path / "run.json").exists()), "")
        given = [word.replace("study/runs/RUN", run) for word in words]
        print(f"heldout {' '.join(words)}", flush=True)
        done = subprocess.run([str(python.parent / "heldout"), *given], cwd=folder, env=env, check=False)
        if done.returncode:
            sys.exit(f"Found status {done.returncode}; expected 0.")
    gone = [name for name in LEFT if not (folder / name).is_file()]
    if gone:
        sys.exit(f"Found no {', '.join(gone)}; expected them in {folder}.")


def built() -> Path:
    """The wheel of this checkout, made anew."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.rename(Path(tempfile.mkdtemp()) / wheel.name)


def main() -> None:
    """Install, tell the versions, make the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the Python of the environment")
    parser.add_argument("--dependencies", choices=("newest", "lowest"), default="newest")
    parser.add_argument("--wheel", type=Path, help="a wheel; built from this checkout if none is given")
    parser.add_argument("--uv", help="install with this uv instead of pip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bounds, constraints = lowest(ROOT / "pyproject.toml"), None
        if options.dependencies == "lowest":
            constraints = folder / "lowest.txt"
            constraints.write_text("\n".join(bounds) + "\n", encoding="utf-8")
        wheel = (options.wheel or built()).resolve()
        python = installed(folder, options.python, wheel, constraints, options.uv)
        found = versions(python, [bound.split("==")[0] for bound in bounds])
        about = subprocess.run([str(python), "--version"], check=True, capture_output=True, text=True).stdout.strip()
        print(f"{about}; {'; '.join(f'{name} {version}' for name, version in found.items())}", flush=True)
        make_study(python, folder / "study folder")
    print(f"passed: {about}, {options.dependencies} dependencies")


if __name__ == "__main__":
    main()
