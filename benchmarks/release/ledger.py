"""What a ledger of 10 000 entries costs to add to, to look back at and to verify; GTO's tags of git beside it.

Every decision has evidence of its own: a gate of six metrics and four slices that was really judged, a model with forty
packages, an approval and the promotion. GTO keeps a tag for each version and each time a stage moved, and no evidence.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import Run, Runs, megabytes, process, table, times

MODEL, ENTRIES, ROWS = "churn", 10_000, 2_000
START = 1_767_225_600  # 2026-01-01T00:00:00Z
OURS, PEER = "mlci", "gto"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Making a ledger.


def judged() -> bytes:
    """Evidence of a gate that judged two files of predictions."""
    import numpy as np

    from mlci.adapters.tables import open_table
    from mlci.domain.policy import GatePolicy, MetricRule, SlicePolicy, Tolerance
    from mlci.domain.report import Subject
    from mlci.steps.gate_compare import Given, run

    random = np.random.default_rng(7)
    truth = (random.random(ROWS) < 0.3).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for name in ("candidate", "baseline"):
            scores = np.clip(0.25 + 0.5 * truth + random.normal(0, 0.2, ROWS), 0.001, 0.999)
            path = Path(folder, f"{name}.csv")
            lines = (f"{row},{truth[row]},{score:.6f},{row % 4}" for row, score in enumerate(scores))
            path.write_text("\n".join(["id,label,y_score,region", *lines]) + "\n")
            sides.append(Given(Subject(name=path.name, digest=sha256(path.read_bytes())), open_table(str(path))))
        names = ("accuracy", "f1", "roc_auc", "pr_auc", "log_loss", "brier")
        policy = GatePolicy(
            rules=tuple(MetricRule(metric=name) for name in names), slices=SlicePolicy(columns=("region",)),
            tolerance=Tolerance(0.05),
        )  # fmt: skip
        return run(sides[0], sides[1], policy, MODEL).evidence


def of_model(place: int, predictions: str) -> tuple[bytes, str]:
    """Evidence of a model of its own, and the digest of its artifact."""
    from mlci import REPOSITORY, __version__
    from mlci.domain.evidence import statement
    from mlci.domain.report import Subject
    from mlci.domain.training import (
        Data,
        Environment,
        Inputs,
        ModelPredicate,
        PayloadFile,
        Predictions,
        Provenance,
        Usage,
        artifact_digest,
    )

    files = (PayloadFile(path="model.joblib", digest=sha256(b"%d" % place), size=1),)
    inputs = Inputs(**{each.name: sha256(each.name.encode()) for each in dataclasses.fields(Inputs)})
    packages = {f"package-{each}": "1.0" for each in range(40)}
    usage = Usage(seconds=60.0, cpu_seconds=60.0, peak_memory=1 << 30)
    artifact = artifact_digest(files, format="pickle", inputs=inputs)
    environment = Environment(python="3.11.7", platform="Linux", packages=packages, digest="e" * 64)
    predicate = ModelPredicate(
        model=MODEL, format="pickle", files=files, inputs=inputs, artifact=artifact, training=usage, scoring=usage,
        mlci=__version__,
        provenance=Provenance(commit="c" * 40, command="train", seed=1, device="cpu", environment=environment),
        predictions=Predictions(
            file=Subject(name="candidate.csv", digest=predictions), rows=ROWS, holdout=Data(path="h", digest="d" * 64),
            evaluator="f" * 64, fingerprint="9" * 64, probe=1,
        ),
    )  # fmt: skip
    return _bytes(statement(REPOSITORY, "model", Subject(name=MODEL, digest=artifact), predicate)), artifact


def _bytes(value: object) -> bytes:
    import rfc8785

    return rfc8785.dumps(value)  # type: ignore[arg-type]


def decision(place: int, gate: dict[str, object], before: object) -> tuple[object, dict[str, bytes]]:
    """The promotion of a version, with the files that it names."""
    import copy

    from mlci import REPOSITORY, __version__
    from mlci.domain.evidence import statement
    from mlci.domain.release.evidence import ApprovalPredicate
    from mlci.domain.release.ledger import Actor, Decision, Pointed
    from mlci.domain.release.people import Approver
    from mlci.domain.report import Subject
    from mlci.domain.verdict import Verdict
    from mlci.steps.promoting.records import written

    own = copy.deepcopy(gate)
    predictions = sha256(b"predictions %d" % place)
    predicate, subject = own["predicate"], own["subject"]
    assert isinstance(predicate, dict)
    assert isinstance(subject, list)
    model, artifact = of_model(place, predictions)
    predicate["candidate"]["digest"] = subject[0]["digest"]["sha256"] = predictions
    predicate["model"] = sha256(model)
    judged = _bytes(own)
    candidate = Subject(**predicate["candidate"])
    bob = Approver(id=12, login="bob", where="review", at=time_of(2 * place), seen=time_of(2 * place))
    approval = ApprovalPredicate(
        candidate=candidate, model=sha256(model), gate=sha256(judged), head="a" * 40, tier="high", why=("all of it",),
        verdict=Verdict(predicate["verdict"]), needed=1, approvers=(bob,), satisfied=True, policy_digest="b" * 64,
        mlci=__version__,
    )  # fmt: skip
    agreed = _bytes(statement(REPOSITORY, "approval", candidate, approval))
    files = {sha256(each): each for each in (model, judged, agreed)}
    made = Decision(
        action="promote", stage="production", target=Pointed(version=str(place + 1), artifact=artifact),
        before=before, reason="it is no worse", actor=Actor(where="github", login="alice", id=11),
        evidence={"model": sha256(model), "gate": sha256(judged), "approval": sha256(agreed)},
    )  # fmt: skip
    decided, more = written(made, MODEL)
    return decided, {**files, **more}


def time_of(place: int) -> str:
    from datetime import datetime, timezone

    return f"{datetime.fromtimestamp(START + 600 * place, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def story(entries: int) -> Iterator[tuple[int, bytes, dict[str, bytes]]]:
    """Entries by number, each with the files that it brings."""
    from mlci.adapters.evidence.ledger import digest_of, encoded
    from mlci.domain.release.ledger import Decision, Entry, Receipt, next_entry

    gate, head, digest = json.loads(judged()), None, None
    for place in range(entries):
        now = head.standing("production") if head is not None else None
        files: dict[str, bytes] = {}
        content: Decision | Receipt
        if place % 2 == 0:
            made, files = decision(place // 2, gate, now.at if now is not None else None)
            assert isinstance(made, Decision)
            content = made
        else:
            content = Receipt(of=place, outcome="done", said="the alias production follows, and what serves answers")
        entry: Entry = next_entry(head, digest, content, model=MODEL, id=f"{place:032x}", now=time_of(place))
        written = encoded(entry)
        head, digest = entry, digest_of(written)
        yield entry.number, written, files


def make(folder: Path, entries: int) -> None:
    """A repository with such a ledger on its branch, as one commit: reading looks at no older ones."""
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    (folder / "mlci.yml").write_text(f"model: {MODEL}\n")
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE) as loading:
        assert loading.stdin is not None
        out = loading.stdin
        out.write(b"commit refs/heads/mlci/ledger\ncommitter mlci <noreply@mlci.invalid> 0 +0000\ndata 1\nx\n")
        for number, content, files in story(entries):
            named = {f"{MODEL}/evidence/{digest}.json": each for digest, each in files.items()}
            for path, each in {**named, f"{MODEL}/{number:06}.json": content}.items():
                out.write(f"M 100644 inline {path}\ndata {len(each)}\n".encode() + each + b"\n")
    # A ledger that is in use is packed from time to time, as git does by itself.
    subprocess.run(["git", "gc", "-q"], cwd=folder, check=True)


def append(folder: Path) -> None:
    """Read the head, append a decision with its evidence, and its receipt: what promote does to the ledger."""
    from mlci.adapters.evidence.ledger import digest_of, encoded, read_entry
    from mlci.cli.ledger import ledger_of
    from mlci.domain.release.ledger import Decision, Receipt, next_entry

    ledger = ledger_of(None, os.environ, str(folder / "mlci.yml"))
    found = ledger.head(MODEL)
    assert found is not None
    head, digest = read_entry(found.content, "head"), found.digest
    now = head.standing("production")
    gate = json.loads(Path(folder, "gate.json").read_bytes())
    made, files = decision(head.number // 2, gate, now.at if now is not None else None)
    assert isinstance(made, Decision)
    receipt = Receipt(of=head.number + 1, outcome="done", said="the alias production follows")
    for content, brought in ((made, files), (receipt, {})):
        entry = next_entry(head, digest, content, model=MODEL, id=os.urandom(16).hex(), now=head.at)
        written = encoded(entry)
        ledger.append(MODEL, entry.number, written, brought, digest)
        head, digest = entry, digest_of(written)


# GTO.


def tagged(folder: Path, entries: int) -> None:
    """A repository with as many tags of GTO's: a version and a stage that moves to it, in turns."""
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE) as loading:
        assert loading.stdin is not None
        for place in range(entries // 2):
            who = f"alice <alice@example.invalid> {START + 600 * place} +0000"
            named = (f"{MODEL}@v0.0.{place + 1}", f"{MODEL}#prod#{place + 1}")
            said = [f"commit refs/heads/main\nmark :{place + 1}\ncommitter {who}\ndata 1\nx\n"]
            said += [f"tag {name}\nfrom :{place + 1}\ntagger {who}\ndata 1\nx\n" for name in named]
            loading.stdin.write("".join(said).encode())
        last = entries // 2 + 1
        loading.stdin.write(
            f"commit refs/heads/main\nmark :{last}\ncommitter {who}\ndata 1\nx\n"
            f"tag {MODEL}@v0.0.{last}\nfrom :{last}\ntagger {who}\ndata 1\nx\n".encode()
        )
    subprocess.run(["git", "gc", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=folder, check=True)


def peer(folder: Path) -> str:
    """An interpreter that has GTO, in an environment of its own."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "gto"], check=True)
    return python


def rows(what: str, ways: dict[str, tuple[list[str], Path]], rounds: int) -> list[list[object]]:
    """One line for each way of doing it, run in turns, as multiples of ours."""
    found: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (command, folder) in ways.items():
            found[name].append(process(command, folder=folder))
    of = {name: Runs(tuple(each)) for name, each in found.items()}
    mine = of[OURS]
    return [
        [
            what, name, f"{each.least_s:.2f} s", f"{each.cpu_s:.2f} s", times(each.least_s, mine.least_s),
            times(each.cpu_s, mine.cpu_s), megabytes(each.peak),
        ]
        for name, each in of.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, without GTO")
    parser.add_argument("--python", help="interpreter that has GTO; left out, an environment is made for it")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--append", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.entries)
        (given.make / "gate.json").write_bytes(judged())
        return None
    if given.append:
        return append(given.append)
    rounds = 1 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name, "ours"), Path(name, "theirs")
        program, mlci = [sys.executable, __file__], [sys.executable, "-m", "mlci"]
        process([*program, "--make", str(ours), "--entries", str(given.entries)])
        commands = {
            "a promotion is recorded": [*program, "--append", str(ours)],
            "history": [*mlci, "history", "--format", "json"],
            "history, one day": [*mlci, "history", "--format", "json", "--on", "2026-01-05"],
            "verify": [*mlci, "verify", "--registry", "false", "--format", "json"],
        }
        gto: dict[str, list[str]] = {}
        if not given.quick:
            python = given.python or peer(Path(name, "venv"))
            tagged(theirs, given.entries)
            gto = _of_gto(python, given.entries)
        lines: list[list[object]] = []
        for what, command in commands.items():
            ways = {OURS: (command, ours)} | ({PEER: (gto[what], theirs)} if what in gto else {})
            lines += rows(what, ways, rounds)
    size = f"{given.entries:,} entries".replace(",", " ")
    print(table([size, "by", "best", "processor", "/ mlci, best", "/ mlci, processor", "peak memory"], lines))
    return None


def _of_gto(python: str, entries: int) -> dict[str, list[str]]:
    gto = [str(Path(python).parent / "gto")]
    last = f"v0.0.{entries // 2 + 1}"
    return {
        "a promotion is recorded": [*gto, "assign", MODEL, "--version", last, "--stage", "prod", "--force"],
        "history": [*gto, "history", MODEL, "--json"],
    }


if __name__ == "__main__":
    main()
