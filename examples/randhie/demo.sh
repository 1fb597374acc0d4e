#!/usr/bin/env bash
# A repository of its own, a model in production, broken data that nothing is trained on, and two proposed changes: one
# makes the model worse, one makes it better. The better one is agreed to, promoted, and taken back.
# Usage: demo.sh FOLDER_WITH_PYTHON_AND_MLCI [FOLDER_TO_WORK_IN]
set -euo pipefail
bin=$(cd "${1:?name the folder that holds python and mlci}" && pwd)
example=$(cd "$(dirname "$0")" && pwd)
work=${2:-$example/.demo}
export PATH="$bin:$PATH"
export GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.invalid
export GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.invalid

say() { printf '\n== %s\n' "$*"; }

# Who works at this machine, by git's own word.
is() { git config user.email "$1@example.invalid"; }

commits() { git -c commit.gpgsign=false commit -qam "$1"; }

# Ends the demo where a command does not end as it must.
ends() { # expected exit, command…
  local expected=$1 code=0
  shift
  "$@" || code=$?
  say "exit $code"
  if [ "$code" -ne "$expected" ]; then
    echo "expected exit $expected: this demo's changes are made to be told apart" >&2
    exit 1
  fi
}

rm -rf "$work"
mkdir -p "$work"
cp -r "$example"/{prepare.py,train.py,test_train.py,params.yml,mlci.yml,contracts,requirements.txt,.gitignore} "$work"
cd "$work"
git init -q
git symbolic-ref HEAD refs/heads/main
is demo
git add .
commits "A model of who sees a doctor"
python prepare.py

say "the code is checked in seconds, before anything is trained: mlci code-ci"
ends 0 mlci code-ci

say "main: check the data, train the first model, judge it by its limits, register it: mlci run"
ends 0 mlci run

say "its first decision, in the ledger: mlci promote goes to staging"
ends 0 mlci promote

say "new data: from row 9000 on somebody wrote the chronic diseases in tenths; they are stopped, whatever it would cost"
cp data/train.csv .mlci/train.csv
awk -F, -v OFS=, 'NR > 9000 { $7 = 10 * $7 } 1' .mlci/train.csv >data/train.csv
ends 10 mlci data-check
cp .mlci/report/data-check.html .mlci/broken-data.html
say "and nothing is trained on them: mlci model-ci"
ends 10 mlci model-ci
mv .mlci/train.csv data/train.csv

say "a change: leave out people whose answer about disability is a guess (it leaves out the disabled, too)"
git checkout -q -b cleaner-data
git apply "$example/changes/careless.patch"
commits "Learn from what people said about disability"
git diff --stat main
say "the same as a pull request: mlci run --base main"
ends 11 mlci run --base main
cp .mlci/report/gate-compare.html .mlci/cleaner-data.html

say "another change: more trees"
git checkout -q main
git checkout -q -b more-trees
git apply "$example/changes/careful.patch"
commits "More trees"
git diff --stat main
ends 0 mlci run --base main
cp .mlci/report/gate-compare.html .mlci/more-trees.html

say "and once more, with nothing changed: nothing is trained"
ends 0 mlci run --base main >.mlci/again.txt 2>&1
grep -m 1 "nothing that makes a new model has changed" .mlci/again.txt

say "the second change is merged, as one commit: main judges the same model again, and trains nothing"
git checkout -q main
git merge -q --squash more-trees
commits "More trees"
ends 0 mlci run >.mlci/merged.txt 2>&1

say "staging asks for nobody, production for a person who is not the author: mlci promote --to production"
ends 0 mlci promote
ends 12 mlci promote --to production
say "somebody else accepts exactly this verdict: mlci approve --accept"
is reviewer
ends 0 mlci approve --accept "sha256:$(sha256sum .mlci/evidence/gate.json | cut -c1-64)"
is demo
ends 0 mlci promote --to production

say "a complaint, and the way back: mlci rollback"
ends 0 mlci rollback --reason "The waiting rooms are full"

say "who decided what, and whether the record bears it: mlci history, mlci verify"
ends 0 mlci history
ends 0 mlci verify

cat <<SAID

Broken data were stopped before a model was trained on them: exit 10.
The first change looks as good as production on average and fails people with a disability: exit 11, and it is blocked.
The second went to production when a second person had accepted its verdict, and back; the ledger is the branch mlci/ledger.
What was said of the broken data, and what each pull request would show, to open in a browser:
  $work/.mlci/broken-data.html
  $work/.mlci/cleaner-data.html
  $work/.mlci/more-trees.html
The registry is $work/.mlci/mlflow.db; look at it with: mlflow ui --backend-store-uri sqlite:///$work/.mlci/mlflow.db
SAID
