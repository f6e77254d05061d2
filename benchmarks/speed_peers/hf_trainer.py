"""Hugging Face Trainer: evaluation after every epoch, no checkpoints, fused AdamW, cosine schedule."""

from __future__ import annotations

import tempfile
import time

import torch
import transformers
from torch import nn
from torch.nn import functional as F  # noqa: N812  (the field's name for it)
from torch.utils.data import Dataset, TensorDataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from benchmarks.speed_peers.given import Classifier, Given, accuracy, arguments, report, tensors


class WithLoss(nn.Module):
    """What the Trainer expects of a model: named inputs, the loss among the outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """(n, 3, s, s) -> `loss`, and `logits` (n, k)."""
        logits = self.network(pixel_values)
        return {"logits": logits} if labels is None else {"loss": F.cross_entropy(logits, labels), "logits": logits}


class Named(Dataset[dict[str, torch.Tensor]]):
    """Rows as the Trainer takes them."""

    def __init__(self, data: TensorDataset) -> None:
        self.x, self.y = data.tensors

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {"pixel_values": self.x[row], "labels": self.y[row]}


class Clock(TrainerCallback):
    """Seconds of every epoch, validation included."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, *args: object, **kwargs: object) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_evaluate(self, *args: object, **kwargs: object) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self.started)


def settings_of(given: Given, folder: str) -> TrainingArguments:
    """The Trainer's settings."""
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=given.epochs,
        per_device_train_batch_size=int(given.settings["batch_size"]),
        per_device_eval_batch_size=64,
        learning_rate=given.settings["lr"],
        weight_decay=given.settings["weight_decay"],
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        seed=0,
    )


def main() -> None:
    """Train, validate after every epoch, test at the end."""
    given = arguments()
    network, clock = WithLoss(Classifier(given)), Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=network,
            args=settings_of(given, folder),
            train_dataset=Named(tensors(given, "train")),
            eval_dataset=Named(tensors(given, "val")),
            compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())},
            callbacks=[clock],
        )
        trainer.train()
    val = next(row["eval_accuracy"] for row in reversed(trainer.state.log_history) if "eval_accuracy" in row)
    test = accuracy(network.network, tensors(given, "test"))
    report(clock.seconds, val, test, f"transformers {transformers.__version__}")


if __name__ == "__main__":
    main()
