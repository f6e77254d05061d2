"""What people install: wheel and source distribution, citation, container, bounds of dependencies."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import heldout

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def built(source: Path, folder: Path, *kinds: str) -> list[Path]:
    """Distributions of a folder, made by `python -m build` with the hatchling that is installed."""
    pytest.importorskip("build", reason="needs the package build (extra `dev`)")
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, which is made from the source distribution, and that."""
    source, wheel = sorted(built(ROOT, tmp_path_factory.mktemp("dist")), key=lambda path: path.suffix)
    return wheel, source


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


@pytest.mark.slow
def test_the_wheel_holds_what_is_read_when_it_runs_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    found = names(distributions[0])
    listed = subprocess.run(["git", "ls-files", "src/heldout"], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = {name.removeprefix("src/") for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    package = {name for name in found if name.startswith("heldout/")}
    assert expected <= package and not {name for name in package if "__pycache__" in name}
    endings = {Path(name).suffix for name in package}
    assert {".mo", ".html", ".css", ".js", ".csv", ".typed"} <= endings | {Path("x.typed").suffix}
    assert "heldout/py.typed" in package and "heldout/language/locale/zh_TW/LC_MESSAGES/heldout.mo" in package
    about = f"heldout-{heldout.__version__}.dist-info"
    assert {f"{about}/licenses/LICENSE", f"{about}/licenses/src/heldout/report/plotly/LICENSE"} <= found
    assert {name.split("/")[0] for name in found} == {"heldout", about}  # no tests, no benchmarks, no docs


@pytest.mark.slow
def test_the_source_distribution_makes_the_same_wheel(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, source = distributions
    with tarfile.open(source) as file:
        file.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff", "tests", "docs"} <= {
        path.name for path in unpacked.iterdir()
    }
    (from_source,) = built(unpacked, tmp_path / "from-source", "--wheel")
    (from_checkout,) = built(ROOT, tmp_path / "from-checkout", "--wheel")
    assert from_checkout.read_bytes() == from_source.read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_their_descriptions_are_rendered(distributions: tuple[Path, Path]) -> None:
    pytest.importorskip("twine", reason="needs the package twine (extra `dev`)")
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("PASSED") == 2, done.stdout + done.stderr


@pytest.mark.slow
def test_the_container_is_given_what_the_wheel_is_made_of(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    """No container is built here: what the Dockerfile copies, as .dockerignore lets it, makes the same wheel."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let = {line[1:] for line in lines if line.startswith("!")}
    for line in re.findall(r"^COPY (.+)$", dockerfile(), re.MULTILINE):
        *taken, place = line.split()
        assert set(taken) <= let
        for name in taken:
            to = tmp_path / place.strip("/")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tmp_path / place.strip("/"), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                to.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, to)
    (wheel,) = built(tmp_path / "source", tmp_path / "made", "--wheel")
    assert names(wheel) == names(distributions[0])


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_container_runs_the_command_as_a_plain_user() -> None:
    text = dockerfile()
    assert text.rindex("USER heldout") < text.index('ENTRYPOINT ["heldout"]') and "heldout" in PROJECT["scripts"]
    python = re.findall(r"^FROM python:(3\.\d+)-slim$", text, re.MULTILINE)
    assert python and tuple(map(int, python[0].split("."))) >= (3, 11)
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)$", text, re.MULTILINE)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert 'ARG TORCH_INDEX=""' in text and "http" not in text


def test_the_citation_is_of_this_version() -> None:
    """The keys that CFF 1.2.0 asks for, none that it does not know, and the version of the package."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    known = {
        "abstract",
        "authors",
        "cff-version",
        "commit",
        "contact",
        "date-released",
        "doi",
        "identifiers",
        "keywords",
    }
    known |= {"license", "license-url", "message", "preferred-citation", "references", "repository", "title", "type"}
    known |= {"repository-artifact", "repository-code", "url", "version"}
    assert {"authors", "cff-version", "message", "title"} <= set(cited) <= known
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software" and cited["license"] == "Apache-2.0"
    assert cited["version"] == heldout.__version__
    assert cited["authors"] == PROJECT["authors"]  # an entity is named by `name`
    assert cited["keywords"] == PROJECT["keywords"]
    assert cited["url"] == PROJECT["urls"]["Documentation"]
    assert all(isinstance(cited[key], str) for key in ("title", "abstract", "message", "version", "repository-code"))


def test_dependencies_have_a_lower_bound_that_can_be_installed_alone(tmp_path: Path) -> None:
    lowest = runpy.run_path(str(ROOT / "scripts" / "test_installed.py"))["lowest"]
    constraints = lowest(ROOT / "pyproject.toml")
    assert len(constraints) == len(PROJECT["dependencies"]) and "torch==2.4" in constraints
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["a>=1", "b", "c<2"]\n')
    with pytest.raises(ValueError, match="b, c<2"):
        lowest(tmp_path / "pyproject.toml")
