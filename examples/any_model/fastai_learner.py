"""A fastai learner that ends with tables of its predictions.

Nothing of heldout is imported: `get_preds` answers the images of a data frame, and its rows are the table.
"""

import sys
from pathlib import Path

import pandas as pd
from fastai.vision.all import ImageDataLoaders, Learner, Resize, ResizeMethod, SimpleCNN, accuracy, nn, set_seed

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
network = nn.Sequential(SimpleCNN((3, 16, 32, 32)), nn.Linear(32, dls.c))
learner = Learner(dls, network, loss_func=nn.CrossEntropyLoss(), metrics=accuracy)
learner.fit_one_cycle(8, 1e-2)

# ---- what heldout is given ----
for split in ("train", "val", "test"):
    mine = rows[rows["split"] == split].reset_index(drop=True)
    scores, _ = learner.get_preds(dl=dls.test_dl(mine))
    probabilities = scores.softmax(dim=1)  # get_preds does this itself with fastai's own loss
    columns = {f"prob_{name}": probabilities[:, k].numpy().round(6) for k, name in enumerate(dls.vocab)}
    mine[["path", "label", "patient"]].assign(**columns).to_csv(out / f"{split}.csv", index=False)
print(f"heldout diagnose {out}/val.csv {out}/test.csv --probabilities --train {out}/train.csv --images {root}/images")
