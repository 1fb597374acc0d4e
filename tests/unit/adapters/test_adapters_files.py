"""Files written whole or not at all, through kills, full disks and folders that are in the way."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlci.adapters.disk import files
from mlci.errors import BadValue, FileMissing, NoExamples, NotWritable, Unreadable


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_its_folders_are_made_and_hold_exactly_what_was_given(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "gate.json"
    files.write(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert names_in(target.parent) == ["gate.json"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_file_is_as_readable_as_the_umask_allows(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        files.write(str(tmp_path / "gate.json"), b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert (tmp_path / "gate.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_killed_while_writing_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "gate.json"
    contents = {letter * 3_000_000 for letter in "ab"}
    script = (
        "import sys\nfrom mlci.adapters.disk import files\nprint('ready', flush=True)\n"
        "while True:\n    for letter in b'ab':\n        files.write(sys.argv[1], bytes([letter]) * 3_000_000)\n"
    )
    for delay in (0.001, 0.004, 0.009, 0.02, 0.033, 0.05):
        target.write_text("a" * 3_000_000)
        writer = subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert target.read_text() in contents


def test_a_full_disk_leaves_the_old_content_no_litter_and_one_clear_error(tmp_path: Path) -> None:
    target = tmp_path / "gate.json"
    target.write_text("old")
    script = (
        "import resource, signal, sys\nfrom mlci.adapters.disk import files\nfrom mlci.errors import NotWritable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    files.write(sys.argv[1], b'x' * 100_000)\nexcept NotWritable as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"error[U005]: cannot write {target}: File too large",
        f"  --> {target}",
        "  = help: check permissions and space",
    ]
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["gate.json"]


@pytest.mark.parametrize("where", ["a_file/gate.json", "a_folder", "x" * 300 + "/gate.json"])
def test_a_place_that_cannot_be_written_is_an_error_and_leaves_no_litter(tmp_path: Path, where: str) -> None:
    (tmp_path / "a_file").write_text("x")
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "a_folder" / "kept").write_text("x")
    with pytest.raises(NotWritable, match="cannot write"):
        files.write(str(tmp_path / where), b"new")
    assert names_in(tmp_path) == ["a_file", "a_folder"]


def test_removing_is_silent_when_there_is_nothing_and_an_error_when_a_folder_is_in_the_way(tmp_path: Path) -> None:
    files.remove(str(tmp_path / "absent"))
    (tmp_path / "old").write_text("x")
    files.remove(str(tmp_path / "old"))
    assert names_in(tmp_path) == []
    with pytest.raises(NotWritable, match="cannot replace"):
        files.remove(str(tmp_path))


def test_a_digest_is_of_the_bytes_however_many(tmp_path: Path) -> None:
    content = os.urandom(2_500_000)
    (tmp_path / "big").write_bytes(content)
    assert files.sha256(str(tmp_path / "big")) == hashlib.sha256(content).hexdigest()
    with pytest.raises(FileMissing):
        files.sha256(str(tmp_path / "absent"))


def metrics(folder: Path, text: str) -> tuple[dict[str, float], str | None]:
    (folder / "metrics.json").write_text(text)
    return files.read_metrics(str(folder / "metrics.json"))


@pytest.mark.parametrize(("text", "values", "holdout"), [
    ('{"f1": 0.5}', {"f1": 0.5}, None),
    ('\ufeff{"ROC-AUC": 1, "average_precision": 0.25}', {"roc_auc": 1.0, "pr_auc": 0.25}, None),
    ('{"metrics": {"r2": -3.5, "own metric": -7}, "holdout": "aa"}', {"r2": -3.5, "own metric": -7.0}, "aa"),
    ('{"f1": 0, "holdout": "bb"}', {"f1": 0.0}, "bb"),
])  # fmt: skip
def test_metrics_are_read_flat_or_in_their_own_object(
    tmp_path: Path, text: str, values: dict[str, float], holdout: str | None
) -> None:
    assert metrics(tmp_path, text) == (values, holdout)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        '{"f1": 0.5',
        '{"f1": 1, "f1": 2}',
        '{"metrics": 3}',
        '{"metrics": {"a": 1}, "holdout": 7}',
        "[" * 50_000,
        '{"a": "\\udc00"}',
    ],
)
def test_metrics_that_are_no_object_of_numbers_are_unreadable(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable):
        metrics(tmp_path, text)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", '"0.9"', "true", "null", "[0.9]", "1" + "0" * 400])
def test_a_metric_that_is_no_finite_number_is_a_bad_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadValue, match="not a finite number"):
        metrics(tmp_path, f'{{"f1": {value}}}')


@pytest.mark.parametrize(
    ("name", "value"), [("f1", 1.01), ("accuracy", 93), ("mcc", -1.5), ("rmse", -0.1), ("r2", 1.5)]
)
def test_a_metric_outside_its_bounds_is_a_bad_value_that_names_them(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(BadValue, match=f"{name} is {value:g}, and .* lies between"):
        metrics(tmp_path, json.dumps({name: value}))


def test_metrics_larger_than_any_model_has_are_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="larger than 10 MiB"):
        metrics(tmp_path, " " * ((10 << 20) + 1))


def test_no_metric_is_nothing_to_judge_and_no_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoExamples):
        metrics(tmp_path, "{}")
    with pytest.raises(FileMissing):
        files.read_metrics(str(tmp_path / "absent.json"))
