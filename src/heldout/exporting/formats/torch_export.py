"""PyTorch's own exported program (`.pt2`): the same graph as in ONNX, run by PyTorch without the library's classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.exporting.feeding import feed_of
from heldout.exporting.format import Ask, Format, Written
from heldout.images import Decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heldout.exporting.exportable import Exportable


class TorchExport(Format):
    """A file for `torch.export.load`, which gives a program whose `module()` is called with tensors."""

    name: ClassVar[str] = "torch-export"
    suffix: ClassVar[str] = ".pt2"

    def write(self, run: Exportable, path: Path, about: Mapping[str, str]) -> Written:
        """The whole way in one program; what is said of it lies in its extra files."""
        import torch

        from heldout.exporting.tracing import whole_program

        torch.export.save(whole_program(run), path, extra_files=dict(about))
        return Written(runtime={"torch": torch.__version__})

    def asked(self, run: Exportable, path: Path) -> Ask:
        """By PyTorch on the CPU."""
        import numpy as np
        import torch

        module, wanted = torch.export.load(path).module(), run.input

        def ask(image: Decoded, where: str) -> NDArray[np.float64]:
            feed = feed_of(image, wanted, where)
            if feed["image"].shape[3] == 1 and wanted.channels == (1, 3):  # a program has one number of channels
                feed["image"] = np.repeat(feed["image"], 3, axis=3)
            with torch.no_grad():
                answers = module(*(torch.from_numpy(values) for values in feed.values()))
            found: NDArray[np.float64] = answers[0][0].numpy().astype("float64")
            return found

        return ask


FORMAT = TorchExport()
