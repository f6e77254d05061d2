"""A fastai learner that ends with tables of its predictions.

Nothing of heldout is imported; `get_preds` gives probabilities, and the rest is a data frame.
"""

import sys
from pathlib import Path

import pandas as pd
from fastai.vision.all import ImageDataLoaders, Learner, Resize, ResizeMethod, accuracy, set_seed, xresnet18

root = Path(sys.argv[1])
out = root / "fastai"
out.mkdir(exist_ok=True)
set_seed(0, reproducible=True)

rows = pd.read_csv(root / "images.csv")
learned = rows[rows["split"] != "test"].assign(is_valid=lambda table: table["split"] == "val")
dls = ImageDataLoaders.from_df(
    learned, path=root, folder="images", fn_col="path", label_col="label", valid_col="is_valid",
    item_tfms=Resize(64, method=ResizeMethod.Squish), bs=32, num_workers=0,
)  # fmt: skip
learner = Learner(dls, xresnet18(n_out=dls.c), metrics=accuracy)
learner.fit_one_cycle(3, 3e-3)

# ---- what heldout is given ----
for split in ("train", "val", "test"):
    mine = rows[rows["split"] == split].reset_index(drop=True)
    probabilities, _ = learner.get_preds(dl=dls.test_dl(mine))
    columns = {f"prob_{name}": probabilities[:, k].numpy().round(6) for k, name in enumerate(dls.vocab)}
    mine[["path", "label", "patient"]].assign(**columns).to_csv(out / f"{split}.csv", index=False)
print(f"heldout diagnose {out}/val.csv {out}/test.csv --probabilities --train {out}/train.csv --images {root}/images")
