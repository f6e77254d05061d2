"""Weights under the library's own names (`.safetensors`): timm's or torchvision's constructor takes them strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.errors import HeldoutError
from heldout.exporting.format import Ask, Format, Written
from heldout.images import Decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heldout.exporting.exportable import Exportable


class StateDict(Format):
    """Weights for the library's own model; preparing images and softmax are left to who uses it."""

    name: ClassVar[str] = "state-dict"
    suffix: ClassVar[str] = ".safetensors"

    def write(self, run: Exportable, path: Path, about: Mapping[str, str]) -> Written:
        """Trunk and head in one; the call that makes the model is in the metadata."""
        import torch
        from safetensors.torch import save_file

        from heldout.exporting.library_names import constructor_of, library_state

        if len(run.members) > 1:
            raise HeldoutError(
                f"{run.folder.name} answers with the mean of {len(run.members)} networks, and a state dict holds one; "
                f"export one of them, {run.folder / run.record.members[0]}, or all as .onnx or .pt2."
            )
        constructor = constructor_of(run)
        save_file(library_state(run, constructor), path, metadata={**about, "constructor": constructor.text})
        library = constructor.module.partition(".")[0]
        runtime = {"torch": torch.__version__, library: _version(library)}
        return Written(("network",), ("logits",), runtime, constructor.text)

    def asked(self, run: Exportable, path: Path) -> Ask:
        """By the library's own model, which takes the file strictly; its input is prepared as the run's was."""
        import torch
        from safetensors.torch import load_file

        from heldout.exporting.library_names import constructor_of
        from heldout.runs.predict import square_of
        from heldout.training.predict import to_tensor

        model = constructor_of(run).make()
        model.load_state_dict(load_file(path))
        model.eval()
        normalise, recipe = run.members[0][0].stages["input"], run.recipe

        def ask(image: Decoded, where: str) -> NDArray[np.float64]:
            squares = to_tensor(square_of(image, recipe, where), torch.device("cpu"))
            with torch.no_grad():
                logits = model(normalise(squares).contiguous()).numpy()
            found: NDArray[np.float64] = run.of_logits(logits)[0]
            return found

        return ask


FORMAT = StateDict()


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
