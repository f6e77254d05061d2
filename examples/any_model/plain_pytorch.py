"""A plain PyTorch loop that ends with tables of its predictions and the network in ONNX.

Nothing of heldout is imported: run it where your training runs. The last lines are all that a loop of your own needs.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

SIZE, EPOCHS, MEAN, STD = 64, 8, 0.5, 0.25
root = Path(sys.argv[1])
out = root / "pytorch"
out.mkdir(exist_ok=True)
torch.manual_seed(0)

rows = pd.read_csv(root / "images.csv")
classes = sorted(rows["label"].unique())
pixels = np.stack(
    [np.asarray(Image.open(root / "images" / p).convert("RGB").resize((SIZE, SIZE))) for p in rows["path"]]
)
x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD
y = torch.tensor([classes.index(label) for label in rows["label"]])
part = {name: torch.from_numpy(np.flatnonzero(rows["split"] == name)) for name in ("train", "val", "test")}

block = lambda i, o: [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]  # noqa: E731
net = nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                    nn.Linear(32, len(classes)))  # fmt: skip
optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)


def answers() -> np.ndarray:
    """Probabilities of all images."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(x[i : i + 128]) for i in range(0, len(x), 128)]).softmax(1).numpy()


def table(split: str, p: np.ndarray) -> pd.DataFrame:
    """One row an image of a part, one column a class."""
    mine = rows["split"] == split
    found = rows.loc[mine, ["path", "label", "patient"]].reset_index(drop=True)
    return found.assign(**{f"prob_{name}": p[mine, k].round(6) for k, name in enumerate(classes)})


epochs = []
for epoch in range(1, EPOCHS + 1):
    net.train()
    order = part["train"][torch.randperm(len(part["train"]))]
    for batch in order.split(32):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        optimiser.step()
    p = answers()
    right = p.argmax(1) == y.numpy()
    print(f"epoch {epoch}: " + ", ".join(f"{name} {right[i].mean():.3f}" for name, i in part.items()))
    epochs += [table(split, p).assign(split=split, epoch=epoch) for split in ("val", "test")]

# ---- what heldout is given ----
for split in part:
    table(split, answers()).to_csv(out / f"{split}.csv", index=False)
pd.concat(epochs).to_csv(
    out / "epochs.csv", index=False
)  # heldout diagnose epochs.csv --probabilities --chosen-on test
torch.onnx.export(net.eval(), (x[:2],), str(out / "model.onnx"), dynamo=True, external_data=False,
                  dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},))  # fmt: skip
steps = {"size": SIZE, "interpolation": "bicubic", "output": "logits", "mean": [MEAN], "std": [STD], "classes": classes}
(out / "model.json").write_text(json.dumps(steps, indent=2))
print(f"heldout diagnose {out}/val.csv {out}/test.csv --probabilities --train {out}/train.csv "
      f"--images {root}/images --model {out}/model.onnx")  # fmt: skip
