"""What every format of exported files keeps, discovered rather than listed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heldout.exporting.export import TOLERANCE, format_of
from heldout.exporting.exportable import Exportable, exportable
from heldout.exporting.format import WHOLE, Format
from heldout.exporting.formats import formats
from heldout.images import decode
from tests.exporting.made_runs import made_recipe, made_run, noise_images

EVERY = [pytest.param(one, id=one.name) for one in formats]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Exportable:
    recipe = made_recipe("timm:test_resnet.r160_in1k", 48, "crop", "bilinear")
    return exportable(made_run(tmp_path_factory.mktemp("formats"), recipe))


@pytest.mark.parametrize("one", EVERY)
def test_a_format_goes_by_its_ending_and_its_name(one: Format) -> None:
    assert one.suffix[0] == "." and one.suffix == one.suffix.lower()
    assert format_of(Path(f"model{one.suffix}")) is one is format_of(Path("model"), one.name)
    assert [other.suffix for other in formats].count(one.suffix) == 1


@pytest.mark.parametrize("one", EVERY)
def test_what_is_written_answers_as_the_run(one: Format, run: Exportable, tmp_path: Path) -> None:
    one.check(False)
    path = tmp_path / f"model{one.suffix}"
    before = {name: tensor.clone() for name, tensor in run.members[0][0].state_dict().items()}
    written = one.write(run, path, {"run": "a run"})
    assert path.is_file() and list(tmp_path.iterdir()) == [path]
    assert set(written.inside) <= set(WHOLE) and "network" in written.inside and written.outputs and written.runtime
    ask = one.asked(run, path)
    for file in sorted(noise_images(tmp_path / "images", 4).iterdir()):
        image = decode(file)
        np.testing.assert_allclose(ask(image, "x"), run.probabilities(image, "x"), atol=TOLERANCE)
    after = run.members[0][0].state_dict()
    assert all(bool((tensor == before[name]).all()) for name, tensor in after.items())


def test_listing_formats_needs_neither_torch_nor_an_extra() -> None:
    code = "import sys\nfrom heldout.exporting.formats import formats\nassert formats.names()"
    code += "\nassert not {'torch', 'onnx', 'onnxruntime', 'onnxscript'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
