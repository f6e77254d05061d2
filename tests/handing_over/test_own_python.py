"""The self-test that `heldout handover` runs: in a Python of its own, with the packages and none of the settings."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from heldout.errors import HeldoutError
from heldout.handing_over import own_python
from tests.handing_over.made_folder import made_folder
from tests.handing_over.test_script import with_self_test

CALL = """
import sys
from pathlib import Path
from heldout.handing_over.own_python import run_self_test
run_self_test(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_self_test(made_folder(tmp_path_factory.mktemp("own") / "out", {"error": (0.6, 0.6, 0.6)}))


@pytest.mark.parametrize("place", ["PYTHONPATH", "PYTHONUSERBASE"])
def test_packages_are_found_where_the_caller_finds_them(place: str, folder: Path, tmp_path: Path) -> None:
    """Called by the Python under the virtual environment, which has none of the packages by itself."""
    python = str(getattr(sys, "_base_executable", sys.executable))
    alone = subprocess.run([python, "-I", "-c", "import onnxruntime"], capture_output=True, check=False)
    if alone.returncode == 0:
        pytest.skip("onnxruntime is installed for every Python here")
    packages = [sysconfig.get_path("purelib"), str(Path(own_python.__file__).parents[2])]
    settings = {"PATH": "", "HOME": str(tmp_path)}
    if place == "PYTHONPATH":
        settings[place] = ":".join(packages)
    else:
        settings[place] = str(tmp_path)
        found = subprocess.run([python, "-m", "site", "--user-site"], env=settings, capture_output=True, text=True)
        user = Path(found.stdout.strip())
        user.mkdir(parents=True)
        (user / "these.pth").write_text("\n".join(packages))
    done = subprocess.run([python, "-c", CALL, str(folder)], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_settings_of_the_caller_do_not_reach_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PYTHONOPTIMIZE", "2"), ("PYTHONWARNINGS", "error"), ("PYTHONSAFEPATH", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONIOENCODING", "no-such-encoding")
    own_python.run_self_test(folder)


def test_what_the_script_says_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text("import no_such_package")
    with pytest.raises(HeldoutError, match="No module named 'no_such_package'"):
        own_python.run_self_test(tmp_path)
