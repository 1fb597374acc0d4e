#!/usr/bin/env bash
# Train production and two candidates on the RAND Health Insurance Experiment, judge both, say where the reports are.
# Usage: demo.sh FOLDER_WITH_PYTHON_AND_MLCI
set -euo pipefail
bin=${1:?name the folder that holds python and mlci}
cd "$(dirname "$0")"

for recipe in production careful careless; do
  echo "== training $recipe"
  "$bin/python" train.py --recipe "$recipe" --out "predictions/$recipe.parquet"
done

judge() { # candidate, expected exit
  echo
  echo "== $1 against production: mlci gate-compare --candidate predictions/$1.parquet --baseline predictions/production.parquet"
  local code=0
  "$bin/mlci" gate-compare --candidate "predictions/$1.parquet" --baseline predictions/production.parquet \
    --report ".mlci/report/$1.json" --evidence ".mlci/evidence/$1.json" || code=$?
  echo "== exit $code"
  if [ "$code" -ne "$2" ]; then
    echo "expected exit $2: this demo's candidates are made to be told apart" >&2
    exit 1
  fi
}

judge careful 0
judge careless 11

echo
echo "The second candidate looks as good as production on average and fails people with a disability: that is exit 11."
echo "Reports to open in a browser:"
echo "  $PWD/.mlci/report/careful.html"
echo "  $PWD/.mlci/report/careless.html"
