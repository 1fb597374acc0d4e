"""Train a small convolutional network on images of digits, and leave it where mlci looks for it.

The whole model is exported (``torch.export``), weights and code together, so that scoring needs nothing of this file.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import torch
from torch import nn


def main() -> None:
    params = json.loads(Path(os.environ["MLCI_TRAIN_PARAMS"]).read_text())
    torch.manual_seed(int(os.environ["MLCI_TRAIN_SEED"]))
    # Sums in another order round otherwise: the same bytes every time need the same number of threads.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, digits = read(os.environ["MLCI_TRAIN_DATA"])

    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, params["channels"], 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(params["channels"] * 16, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=params["learning_rate"])
    for epoch in range(params["epochs"]):
        order = torch.randperm(len(images))
        for rows in order.split(params["batch"]):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images[rows]), digits[rows])
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")

    exported = torch.export.export(model.eval(), (images[:2],), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(exported, Path(os.environ["MLCI_TRAIN_OUTPUT"]) / "model.pt2")


def read(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels as (images, 64) and the digits as (images,)."""
    with Path(path).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    pixels = [[float(row[f"pixel_{at}"]) for at in range(64)] for row in rows]
    return torch.tensor(pixels), torch.tensor([int(row["digit"]) for row in rows])


if __name__ == "__main__":
    main()
