r"""deepchecks' train-test suite on planted studies, read by rank: which of its checks fails, and what that names.

deepchecks is AGPL and wants old libraries, so it is no dependency and runs in an environment of its own:

    python -m venv dc
    dc/bin/pip install deepchecks "scikit-learn<1.6" "category-encoders<2.7" "numpy<2" "pandas<2.3" "scipy<1.14" \
        "setuptools<81"
    python benchmarks/planted.py export --world phantoms --out planted      # a folder of tables a study
    dc/bin/python benchmarks/peer_deepchecks.py planted/export-phantoms

It is given what a person would give it for images: measured properties, the label, and the model's probabilities. It
has no accuracy points and no cause; a failed check is translated as below, in the order of the suite.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

NAMES = {
    "Label Drift": "prior",
    "Prediction Drift": "threshold",
    "Feature Drift": "covariate-shift",
    "Multivariate Drift": "covariate-shift",
    "Train Test Samples Mix": "leakage",
    "Index Train Test Leakage": "leakage",
    "New Label Train Test": "labels",
}
"""What a failed check would be taken for; others name nothing."""


def judge(folder: Path) -> dict[str, Any]:
    """Causes in the order in which the suite's conditions fail."""
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.suites import train_test_validation

    tables = [pd.read_csv(folder / f"{part}.csv") for part in ("val", "test")]
    about = json.loads((folder / "about.json").read_text())
    features = [name for name in tables[0].columns if name not in ("label", "probability", "id")]
    sets = [Dataset(table[[*features, "label"]], label="label", cat_features=[], features=features) for table in tables]
    probabilities = [pd.DataFrame({0: 1 - t["probability"], 1: t["probability"]}).to_numpy() for t in tables]
    result = train_test_validation().run(
        *sets, y_proba_train=probabilities[0], y_proba_test=probabilities[1], model_classes=[0, 1]
    )
    failed = [check.header for check in result.get_not_passed_checks(fail_if_warning=True)]
    causes = [NAMES[header] for header in failed if header in NAMES]
    return {**about, "failed": failed, "first": causes[0] if causes else ""}


def main() -> None:
    """Judge every exported study and print the table."""
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    rows = [judge(path.parent) for path in sorted(folder.glob("*/about.json"))]
    frame = pd.DataFrame(rows)
    frame.to_json(folder / "deepchecks.json", orient="records")
    for (plant, severity), cell in frame.groupby(["plant", "severity"]):
        first = (cell["first"] == cell["cause"].iloc[0]).mean() if cell["cause"].iloc[0] else float("nan")
        named = cell["first"].replace("", "nothing").value_counts().to_dict()
        print(f"| {plant} | {severity} | {len(cell)} | {first:.0%} | {named} |")


if __name__ == "__main__":
    main()
