"""Which pretrained model and strategy to trust on biomedical images, and why test disagrees with validation.

```python
import heldout

cohort = heldout.load("images/")
study = heldout.Study(cohort, models=["resnet34"], strategies=["finetune", "frozen"], out="study")
study.run()
print(study.compare())
print(study.diagnose()[0].summary)
study.report()

print(heldout.diagnose("val.csv", "test.csv", answers="probabilities")[0].summary)  # any model, by its predictions
```

Names are imported when they are first used, so that `import heldout` is quick and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from heldout._version import __version__
from heldout.displayed import Form, draw_with

if TYPE_CHECKING:
    from heldout.any_model import diagnose
    from heldout.classifier import TransferClassifier
    from heldout.data.load import load
    from heldout.errors import HeldoutError, InputError
    from heldout.exporting.export import export
    from heldout.handing_over.handover import handover
    from heldout.records import Cohort, Comparison, Estimate
    from heldout.runs.calibrate import calibrate
    from heldout.study import Study

__all__ = [
    "Cohort",
    "Comparison",
    "Estimate",
    "HeldoutError",
    "InputError",
    "Study",
    "TransferClassifier",
    "__version__",
    "calibrate",
    "diagnose",
    "export",
    "handover",
    "load",
]

_HOMES = {
    "Cohort": "heldout.records",
    "Comparison": "heldout.records",
    "Estimate": "heldout.records",
    "HeldoutError": "heldout.errors",
    "InputError": "heldout.errors",
    "Study": "heldout.study",
    "TransferClassifier": "heldout.classifier",
    "calibrate": "heldout.runs.calibrate",
    "diagnose": "heldout.any_model",
    "export": "heldout.exporting.export",
    "handover": "heldout.handing_over.handover",
    "load": "heldout.data.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'heldout' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _drawn(record: object, form: Form) -> str | None:
    from heldout.notebook.draw import drawing  # at the first display in a notebook, not at the import of the package

    return drawing(record, form)


draw_with(_drawn)
