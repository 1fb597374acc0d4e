"""Wherever accepted runs are kept, a change finds the same baseline, the same errors, and never a guess."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import keeping
import pytest
from keeping import CSV, evidence, run, sha256

from mlci.adapters.baselines import Memory, choose, encoded, joined
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.domain.wear import Look, Looks
from mlci.errors import ArtifactRefused, BaselineBroken, Exit, ServiceFailed

_COUNTER = itertools.count()


@pytest.fixture(name="s3", scope="session")
def _s3() -> Iterator[str]:
    requests = pytest.importorskip("requests")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"}
    assert requests.put(f"http://{host}:{port}/baselines", headers=signed, timeout=10).status_code == 200
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(name="place", params=["file", "s3", "artifacts"])
def _place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keeping.Place:
    monkeypatch.chdir(tmp_path)
    if request.param == "artifacts":
        return keeping.AsArtifacts(tmp_path)
    if request.param == "file":
        folder = tmp_path / "mounted disk"
        folder.mkdir()
        return keeping.InStore(folder.as_uri(), [lambda: shutil.rmtree(folder)])
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    # Nobody listens on port 9 of this machine: a refused connection is how a server is down.
    gone = [lambda: monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]
    return keeping.InStore(f"s3://baselines/team {next(_COUNTER)}/gate", gone)


def file(path: str, content: bytes = CSV) -> Path:
    Path(path).write_bytes(content)
    return Path(path)


def is_of(origin: object, number: int) -> bool:
    return str(origin).endswith((f"{number:020d}-1", f" of run {number}"))


def test_where_nothing_was_kept_there_is_no_baseline(place: keeping.Place) -> None:
    assert (list(place.baselines().newest_first()), choose(place.baselines())) == ([], None)


@pytest.mark.parametrize(
    ("name", "content", "kept_as"),
    [
        ("candidate.csv", CSV, "predictions.csv"),
        ("out/Candidate.PARQUET", bytes(range(256)) * 40, "predictions.parquet"),
        ("metrics.json", b'{"f1": 0.9}\r\n', "predictions.json"),
        ("../../../etc/cron.d/x;rm -rf.jsonl", b'{"id": 1}\n', "predictions.jsonl"),
    ],
)
def test_a_kept_run_comes_back_byte_for_byte_under_a_name_of_ours(
    place: keeping.Place, name: str, content: bytes, kept_as: str
) -> None:
    said = evidence(content, name, evaluation_set=sha256(b"holdout"))
    place.kept(run(), said, file("predictions.bin", content))

    found = choose(place.baselines())

    assert found is not None
    assert found.path == f".mlci/baseline/{kept_as}"
    assert Path(found.path).read_bytes() == content
    assert (found.evidence, found.digest) == (said, sha256(said))
    assert found.evaluation_set == sha256(b"holdout")
    assert [entry.name for entry in Path(".mlci/baseline").iterdir()] == [kept_as]


def test_the_newest_run_is_the_one_with_the_highest_number_whenever_it_ended(place: keeping.Place) -> None:
    for number, attempt in [(9, 1), (100, 2), (100, 10), (10, 1)]:
        content = f"id,y_true,y_pred\ne{number}-{attempt},1,1\n".encode()
        place.kept(run(number, attempt), evidence(content), file("candidate.csv", content))

    found = choose(place.baselines())

    assert found is not None
    assert b"e100-10" in Path(found.path).read_bytes()
    assert len(list(place.baselines().newest_first())) == 4


def test_the_baseline_of_another_key_is_not_ours(place: keeping.Place) -> None:
    place.kept(run(9), evidence(), file("candidate.csv"), key="churn-2")

    assert choose(place.baselines("churn")) is None
    assert choose(place.baselines("churn-2")) is not None


def test_a_newer_run_that_was_not_accepted_is_passed_over_and_the_report_says_so(place: keeping.Place) -> None:
    place.kept(run(5), evidence(), file("candidate.csv"))
    place.planted(run(6), {"gate.json": evidence(verdict=Verdict.FAIL)})
    place.planted(run(8), {"gate.json": evidence(verdict=Verdict.INCONCLUSIVE)})

    found = choose(place.baselines())

    assert found is not None
    assert [is_of(one.origin, number) for one, number in zip(found.passed_over, (8, 6), strict=True)] == [True, True]
    report = Report(step="gate-compare", verdict=Verdict.PASS, reason="", findings=(), assumptions=("first",))
    first, origin, passed = found.noted(report).assumptions
    assert first == "first"
    assert found.origin in origin
    assert is_of(found.origin, 5)
    assert passed.startswith("2 newer runs were passed over; ")
    assert found.passed_over[0].origin in passed
    assert found.passed_over[0].why in passed


def test_predictions_that_are_not_those_of_their_evidence_stop_the_run(place: keeping.Place) -> None:
    place.kept(run(5), evidence(), file("candidate.csv"))
    place.planted(run(6), {"predictions.csv": CSV + b"e3,1,0\n", "gate.json": evidence()})

    with pytest.raises(BaselineBroken) as broken:
        choose(place.baselines())

    assert broken.value.exit is Exit.INTEGRITY
    assert is_of(broken.value.place, 6)
    assert not Path(".mlci").exists()


@pytest.mark.parametrize(
    "files",
    [
        {"gate.json": evidence()[:-20], "predictions.csv": CSV},
        {"gate.json": b"", "predictions.csv": CSV},
        {"gate.json": evidence()},
        {"gate.json": evidence(), "predictions.parquet": CSV},
        {"gate.json": evidence(name="candidate.exe"), "predictions.exe": CSV},
        {"gate.json": evidence(name="candidate"), "predictions.csv": CSV},
    ],
    ids=["truncated", "empty", "no predictions", "other predictions", "unknown kind", "no kind"],
)
def test_a_kept_run_that_cannot_be_read_is_one_error_that_names_it(
    place: keeping.Place, files: dict[str, bytes]
) -> None:
    place.kept(run(5), evidence(), file("candidate.csv"))
    place.planted(run(6), files)

    with pytest.raises(ArtifactRefused) as refused:
        choose(place.baselines())

    assert is_of(refused.value.place, 6)


def test_silence_is_not_the_same_as_no_baseline(place: keeping.Place) -> None:
    place.kept(run(5), evidence(), file("candidate.csv"))
    place.silenced()

    with pytest.raises(ServiceFailed):
        choose(place.baselines())


def test_only_the_newest_runs_are_looked_at_and_a_baseline_out_of_reach_is_no_first_run(place: keeping.Place) -> None:
    place.kept(run(1), evidence(), file("candidate.csv"))
    for number in range(2, 31):
        place.planted(run(number), {"gate.json": evidence(verdict=Verdict.FAIL)})
    assert choose(place.baselines()) is not None

    place.planted(run(31), {"gate.json": evidence(verdict=Verdict.FAIL)})

    with pytest.raises(ArtifactRefused, match="newest 30 runs"):
        choose(place.baselines())


def test_failed_runs_before_the_first_accepted_one_are_no_lost_baseline(place: keeping.Place) -> None:
    for number in range(1, 33):
        place.planted(run(number), {"gate.json": evidence(verdict=Verdict.FAIL, compared=False)})

    assert choose(place.baselines()) is None


def test_artifacts_are_fetched_one_by_one_until_one_was_accepted(tmp_path: Path) -> None:
    place = keeping.AsArtifacts(tmp_path)
    for number in (1, 2, 3):
        place.kept(run(number), evidence(), file(str(tmp_path / "candidate.csv")))
    place.planted(run(4), {"gate.json": evidence(verdict=Verdict.FAIL)})

    choose(place.baselines(), str(tmp_path / "baseline"))

    assert place.runs.fetched == [4, 3]


def test_a_run_that_was_not_accepted_can_carry_the_baseline_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = keeping.AsArtifacts(tmp_path)
    place.kept(run(1), evidence(name="out/Candidate.CSV"), file("candidate.csv"))
    before = choose(place.baselines())
    assert before is not None

    place.kept(run(2), before.evidence, Path(before.path))
    after = choose(place.baselines())

    assert after is not None
    assert is_of(after.origin, 2)
    assert (after.digest, after.passed_over) == (before.digest, ())


def memory(*candidates: str) -> bytes:
    looks = [Look(evaluation_set="e" * 64, candidate=candidate * 64) for candidate in candidates]
    return encoded(Memory(since="2026-01-02", looks=Looks().seen(looks, "e" * 64)))


def test_what_runs_remember_is_put_together_whether_they_were_accepted_or_not(place: keeping.Place) -> None:
    refused = evidence(verdict=Verdict.FAIL)
    for number, content, candidates in ((1, evidence(), "12"), (2, refused, "13"), (3, refused, "4")):
        kept = {"gate.json": content, "kept.json": memory(*candidates)}
        place.remembered(run(number), memory(*candidates), {**kept, "predictions.csv": CSV})
    baselines = place.baselines()
    chosen = choose(baselines)
    assert chosen is not None
    assert (is_of(chosen.origin, 1), chosen.memory.since) == (True, "2026-01-02")
    looks = joined(baselines.memories(), "here").at("e" * 64)
    assert set(looks.candidates) == {digit * 16 for digit in "1234"}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}x",
        b'{"schema": "other"}',
        b'{"since": "2026-13-01"}',
        b'{"looks": {"sets": [{"evaluation_set": "x"}]}}',
    ],
)
def test_a_memory_that_no_run_of_ours_wrote_is_refused(place: keeping.Place, broken: bytes) -> None:
    place.remembered(run(1), broken, {"gate.json": evidence(), "predictions.csv": CSV, "kept.json": broken})
    with pytest.raises(ArtifactRefused):
        choose(place.baselines())
