"""A user's repository: a model whose quality is one number in a file, its policy, and its pipeline."""

from __future__ import annotations

SHA = "a" * 40

# Wrong on every so many examples: 10 is a good model, 5 is a bad one. Standard library only, so that it runs anywhere.
TRAIN = """
import csv
every = int(open("quality.txt").read())
with open("predictions.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["id", "y_true", "y_pred", "region"])
    for i in range(4000):
        right = (i * 7919) % every != 0
        rows.writerow([f"e{i}", i % 2, i % 2 if right else 1 - i % 2, "north" if i % 3 else "south"])
"""

POLICY = """
model: churn
train: python train.py
evaluate: {target: y_true, id: id}
validation:
  compare_to: production
  tolerance: -0.02
  metrics: [accuracy]
"""

FILES = {"train.py": TRAIN, "quality.txt": "10\n", "mlci.yml": POLICY, "docs/index.md": "a model\n"}

WORKFLOW = f"""
name: Model
on:
  pull_request:
  merge_group:
  push:
    branches: [main]
permissions: {{}}
jobs:
  gate:
    name: gate
    runs-on: ubuntu-latest
    permissions:
      contents: read
      actions: read
      pull-requests: write
      statuses: write
    steps:
      - uses: actions/checkout@{SHA}
      - run: python3 train.py
      - id: gate
        uses: mlci/mlci/actions/gate-compare@{SHA}
        with:
          candidate: predictions.csv
          baseline-from: artifacts
      - if: always() && steps.gate.outputs.artifact != ''
        uses: actions/upload-artifact@{SHA}
        with:
          name: ${{{{ steps.gate.outputs.artifact }}}}
          path: ${{{{ steps.gate.outputs.keep }}}}
          include-hidden-files: true
          overwrite: true
  conclude:
    name: conclude
    needs: [gate]
    if: always()
    runs-on: ubuntu-latest
    permissions: {{}}
    steps:
      - uses: mlci/mlci/actions/conclude@{SHA}
        with:
          needs: ${{{{ toJSON(needs) }}}}
          expect: gate
"""
