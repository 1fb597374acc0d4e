"""``mlci init`` in repositories of all kinds: what it writes, what it asks, and that nothing is left half written."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlci.adapters.disk import files as disk
from mlci.adapters.survey import survey, values_of
from mlci.adapters.tables.split import split
from mlci.cli import init as command
from mlci.cli.main import run
from mlci.config.contract import read_contract
from mlci.config.load import load
from mlci.config.resolve import resolve
from mlci.domain.run import ChangedFiles
from mlci.domain.survey import Values
from mlci.errors import NotWritable, UsageError
from mlci.steps import plan

ROWS = "age,churned,plan\n" + "".join(f'{20 + n % 50},{n % 2},"{"a" if n % 3 else "b"},\n{n}"\n' for n in range(200))
SCRIPT = 'import os\ndata, out = os.environ["MLCI_TRAIN_DATA"], os.environ["MLCI_TRAIN_OUTPUT"]\n'
CONFIG, PIPELINE = Path("mlci.yml"), Path(".github/workflows/mlci.yml")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a remote on GitHub with one script and one data file, and the working directory in it."""
    folder = tmp_path / "churn"
    (folder / "data").mkdir(parents=True)
    (folder / "train.py").write_text(SCRIPT)
    (folder / "data/churn.csv").write_text(ROWS)
    (folder / "requirements.txt").write_text("scikit-learn\n")
    (folder / ".flake8").write_text("[flake8]\n")
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "remote", "add", "origin", "https://someone:hunter2@github.com/someone/churn-model.git")
    monkeypatch.chdir(folder)
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".git/" not in str(path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def said(path: Path = CONFIG) -> tuple[str | None, ...]:
    loaded = load(str(path), {})
    config = resolve(loaded, []).config
    return config.train.command, config.data.train.path, config.data.holdout.path, config.evaluate.target


def test_the_training_data_are_held_to_a_contract_that_they_meet_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--yes", "--target", "churned"], {}) == 0

    config = resolve(load(str(CONFIG), {}), []).config
    contract = read_contract(Path("contracts/train.yml").read_bytes(), "contracts/train.yml")
    assert config.data.train.contract == "contracts/train.yml"
    assert {column for rule in contract.rules for column in rule.columns} == {"age", "churned", "plan"}
    assert "contracts/train.yml says what the training data are like today" in capsys.readouterr().out
    assert run(["data-check"], {}) == 0
    kept = Path("data/churn-train.csv").read_text()
    Path("data/churn-train.csv").write_text(kept.replace("\n20,", "\n-20,"))
    assert run(["data-check"], {}) == 10


def test_a_contract_that_is_there_is_kept_and_named() -> None:
    Path("contracts").mkdir()
    Path("contracts/train.yml").write_text("columns: {age: {min: 0}}\n")

    assert run(["init", "--yes", "--target", "churned"], {}) == 0

    assert Path("contracts/train.yml").read_text() == "columns: {age: {min: 0}}\n"
    assert "contract: contracts/train.yml" in CONFIG.read_text()


def test_without_duckdb_the_way_to_a_contract_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert run(["init", "--yes", "--target", "churned"], {}) == 0

    told = capsys.readouterr().out
    assert not Path("contracts").exists()
    assert said()[1] == "data/churn-train.csv"
    assert "No contract was drafted" in told
    assert "mlci[data]" in told
    assert "mlci data-profile --data data/churn-train.csv --output contracts/train.yml" in told


def test_a_repository_that_checks_no_code_has_that_switched_off_and_is_told(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / ".flake8").unlink()

    assert run(["init", "--yes", "--target", "churned"], {}) == 0

    assert yaml.safe_load(PIPELINE.read_text())["jobs"]["model"]["with"] == {"check-code": False}
    assert "Name commands under code.checks of mlci.yml" in capsys.readouterr().out


def test_a_newcomer_gets_everything_by_one_word(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--yes", "--target", "churned"], {}) == 0

    told = capsys.readouterr().out
    pipeline = yaml.safe_load(PIPELINE.read_text())
    assert said() == ("python train.py", "data/churn-train.csv", "data/churn-holdout.csv", "churned")
    assert len(CONFIG.read_text().splitlines()) <= 15
    assert pipeline[True]["push"] == {"branches": ["trunk"]}
    assert pipeline["jobs"]["model"]["uses"].startswith("mlci/mlci/.github/workflows/model.yml@")
    assert Path(".gitignore").read_text() == ".mlci/\nmlci-model/\nmlci-keep/\n"
    assert (repository / "data/churn.csv").read_text() == ROWS
    after = told.partition("Next:\n")[2]
    assert after.startswith("  git add -- .gitignore data/churn-holdout.csv")
    assert after.endswith(" train.py && git commit -m 'Judge churn-model'\n  mlci run\n"), "a commit is what is trained"
    assert "hunter2" not in told + CONFIG.read_text() + PIPELINE.read_text()


def test_the_second_time_nothing_changes_and_an_edited_file_is_left_alone(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--target", "churned"], {}) == 0
    first = contents(repository)
    assert run(["init", "--target", "churned"], {}) == 0
    assert contents(repository) == first

    CONFIG.write_text("model: mine\n")
    PIPELINE.unlink()
    assert run(["init", "--target", "churned"], {}) == 2
    assert CONFIG.read_text() == "model: mine\n"
    assert not PIPELINE.exists()
    assert "mlci.yml is there already" in capsys.readouterr().err

    assert run(["init", "--target", "churned", "--force"], {}) == 0
    assert contents(repository) == first


def test_what_cannot_be_found_is_an_error_and_nothing_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(repository)

    assert run(["init", "--yes"], {}) == 2

    assert "--target; the columns are age, churned, plan" in capsys.readouterr().err
    assert contents(repository) == before


@pytest.mark.parametrize("number", range(5))
def test_a_run_that_ends_half_way_can_be_repeated(
    repository: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    written: list[str] = []
    real = disk.write

    def full(path: str, content: bytes) -> None:
        if len(written) == number:
            raise NotWritable("the disk is full")
        written.append(path)
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write", full)
        assert run(["init", "--target", "churned"], {}) == 2
    assert not CONFIG.exists()

    assert run(["init", "--target", "churned"], {}) == 0
    assert said()[1:3] == ("data/churn-train.csv", "data/churn-holdout.csv")
    assert set(contents(repository)) >= {"mlci.yml", ".github/workflows/mlci.yml", ".gitignore"}


def answered(monkeypatch: pytest.MonkeyPatch, *lines: str) -> int:
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return run(["init"], {})


def test_five_questions_each_with_an_answer_to_accept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(monkeypatch, "", "", "", "churned", "") == 0

    asked = capsys.readouterr().out
    assert asked.count("]: ") == 5
    assert "(age, churned, plan) [plan]" in asked
    assert said() == ("python train.py", "data/churn-train.csv", "data/churn-holdout.csv", "churned")


def test_a_wrong_answer_is_asked_again(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "other.csv").write_text("x,z\n1,2\n")

    assert answered(monkeypatch, "python -m fit", "nowhere.csv", "other.csv", "data/churn.csv", "age", "mine") == 0

    assert "there is no nowhere.csv" in capsys.readouterr().out
    assert said() == ("python -m fit", "other.csv", "data/churn.csv", "age")


def test_whoever_stops_answering_has_nothing_written(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(repository)

    assert answered(monkeypatch, "", "") == 130

    assert contents(repository) == before


def test_without_a_terminal_it_never_waits(repository: Path) -> None:
    words = [sys.executable, "-m", "mlci", "init"]
    ours, theirs = pty.openpty()
    try:
        # A terminal to write to, but none to read from.
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, timeout=60, check=False)
        words += ["--target", "churned"]
        piped = subprocess.run(words, stdin=ours, capture_output=True, timeout=60, check=False)
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.returncode == 2
    assert piped.returncode == 0, piped.stderr


def test_a_model_in_a_folder_has_its_pipeline_at_the_top(repository: Path) -> None:
    folder = repository / "models/my model"
    folder.mkdir(parents=True)
    for name in ("train.py", "train.csv", "test.csv"):
        (folder / name).write_text("id,label\n1,2\n")

    assert run(["init", "--folder", "models/my model"], {}) == 0

    pipeline = yaml.safe_load((repository / ".github/workflows/mlci-my-model.yml").read_text())
    assert said(folder / "mlci.yml") == ("python train.py", "train.csv", "test.csv", "label")
    assert pipeline["jobs"]["model"]["name"] == "my-model"
    assert pipeline["jobs"]["model"]["with"] == {"config": "models/my model/mlci.yml"}


def test_code_beside_the_folder_of_a_model_is_its_own_until_the_line_that_is_printed_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository / "models/churn"
    folder.mkdir(parents=True)
    (folder / "train.py").write_text('dump(m, "model.joblib")')
    for name in ("train.csv", "test.csv"):
        (folder / name).write_text("x,label\n1,2\n")

    assert run(["init", "--folder", "models/churn"], {}) == 0
    (line,) = (each.strip() for each in capsys.readouterr().out.splitlines() if each.startswith("    train: "))

    def touches(path: str, config: Path) -> bool:
        reads = plan.reading(resolve(load(str(config), {}), []).config, "models/churn/mlci.yml")
        return plan.run(ChangedFiles(paths=(path,), complete=True), reads, "")[1]

    assert touches("service/api.py", folder / "mlci.yml")
    written = yaml.safe_load((folder / "mlci.yml").read_text())
    assert {**yaml.safe_load(line)["train"], "paths": None} == {**written["train"], "paths": None}
    narrowed = folder / "narrowed.yml"
    narrowed.write_text(yaml.safe_dump({**written, **yaml.safe_load(line)}))
    assert not touches("service/api.py", narrowed)
    assert touches("models/churn/lib/rows.py", narrowed)

    (repository / "train.py").unlink()
    assert run(["init", "--folder", "models/churn"], {}) == 0
    assert "train.paths" not in capsys.readouterr().out


def rows(*columns: str, count: int, of: Callable[[int], tuple[object, ...]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in (columns, *map(of, range(count))))


@pytest.mark.parametrize(
    ("holdout", "expected"),
    [
        (rows("trip_id", "x", count=30, of=lambda n: (n, n)), {"id": "trip_id"}),
        (rows("x", "customerID", count=30, of=lambda n: (n, f"c{n}")), {"id": "customerID"}),
        (rows("trip_id", "customer_id", count=90, of=lambda n: (n, n // 3)), {"id": "trip_id"}),
        (rows("id", "group_id", count=30, of=lambda n: (n, n)), {"id": "id"}),
        (rows("trip_id", "customer_id", count=30, of=lambda n: (n, n)), {}),
        (rows("id", "id", count=30, of=lambda n: (n, n)), {}),
        (rows("trip_id", "x", count=30, of=lambda n: (n or "", n)), {}),
        (rows("x", "trip_id", count=30, of=lambda n: (n, n) if n else (n,)), {}),
        (rows("customer_id", "x", count=60, of=lambda n: (n % 20, n)), {"group": "customer_id"}),
        (rows("shop_id", "x", count=40, of=lambda n: (f" {n % 20}" if n < 20 else n % 20, n)), {"group": "shop_id"}),
        (rows("customer_id", "x", count=60, of=lambda n: (n % 19, n)), {}),
        (rows("customer_id", "x", count=60, of=lambda n: (n % 20 or "", n)), {}),
        (rows("shop_id", "customer_id", count=60, of=lambda n: (n % 20, n % 30)), {}),
        (rows("paid", "valid", count=30, of=lambda n: (n, n)), {}),
        (rows("trip\x1b_id", "x", count=30, of=lambda n: (n, n)), {}),
        (rows(" trip_id", "x", count=30, of=lambda n: (n, n)), {}),
    ],
)  # fmt: skip
def test_rows_are_known_by_the_one_column_that_tells_them_apart_or_drawn_by_the_one_that_repeats(
    repository: Path, capsys: pytest.CaptureFixture[str], holdout: str, expected: dict[str, str]
) -> None:
    columns, _, rest = holdout.partition("\n")
    labelled = "\n".join((f"label,{columns}", *(f"1,{line}" for line in rest.splitlines())))
    (repository / "holdout.csv").write_text(f"{labelled}\n")

    assert run(["init", "--holdout", "holdout.csv"], {}) == 0

    evaluate = yaml.safe_load(CONFIG.read_text())["evaluate"]
    assert {part: column for part, column in evaluate.items() if part != "target"} == expected
    told = capsys.readouterr().out
    assert [part for part in ("id", "group") if f"evaluate.{part} is" in told] == list(expected)


def test_the_part_that_is_split_off_is_looked_at_as_it_will_be_written(repository: Path) -> None:
    (repository / "data/churn.csv").write_text(rows("row_id", "label", count=200, of=lambda n: (n, n % 2)))

    assert run(["init"], {}) == 0

    assert len(CONFIG.read_text().splitlines()) <= 15
    assert yaml.safe_load(CONFIG.read_text())["evaluate"] == {"target": "label", "id": "row_id"}


def test_the_values_of_every_kind_of_file_are_counted_within_bounds(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    values = [1, 2, 2, None]
    pq.write_table(pa.table({"id": values, "x": [0.0] * 4}), repository / "a.parquet")
    (repository / "b.jsonl").write_text("".join(json.dumps({"id": value}) + "\n" for value in values))
    (repository / "c.tsv").write_text("x\tid\n0\t1\n0\t2\n0\t2\n0\t\n")
    files = [repository / name for name in ("a.parquet", "b.jsonl", "c.tsv")]

    assert [values_of(path, ["id"]) for path in files] == [(Values("id", rows=4, different=3, empty=True),)] * 3
    assert [values_of(path, ["gone"]) for path in files if path.suffix != ".jsonl"] == [()] * 2
    monkeypatch.setattr("mlci.adapters.survey.MOST_ROWS", 3)
    assert [values_of(path, ["id"]) for path in files] == [()] * 3
    monkeypatch.undo()
    monkeypatch.setattr("mlci.adapters.survey.LARGEST_FILE", 5)
    assert [values_of(path, ["id"]) for path in files] == [()] * 3
    assert values_of(files[2], ["id"], files[2].read_bytes()) == ()
    os.mkfifo(repository / "pipe.csv")
    assert values_of(repository / "pipe.csv", ["id"]) == ()


def test_hostile_names_are_quoted_or_left_alone(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "train.py").unlink()
    (repository / "data/churn.csv").unlink()
    (repository / "train \x1b[31m.py").write_text("")
    (repository / "train $(touch pwned) `x` 'y'.py").write_text("")
    (repository / "train: [&a, ${HOME}] #.csv").write_text("label\n1\n")
    (repository / "test\n.csv").write_text("label\n1\n")
    (repository / "test - {x}.csv").write_text("label\x1b[31m,label\n1,2\n")

    assert run(["init", "--yes"], {"HOME": "/elsewhere"}) == 0

    told = capsys.readouterr().out
    quoted = "python 'train $(touch pwned) `x` '\"'\"'y'\"'\"'.py'"
    assert said() == (quoted, "train: [&a, ${HOME}] #.csv", "test - {x}.csv", "label")
    assert "\x1b" not in told
    assert not (repository / "pwned").exists()


@pytest.mark.parametrize("link", [".github", ".github/workflows", ".gitignore", "mlci.yml"])
def test_nothing_is_written_through_a_link_out_of_the_repository(repository: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository / link).parent.mkdir(exist_ok=True)
    (repository / link).symlink_to(outside if "github" in link else outside / "file")
    before = contents(repository)

    assert run(["init", "--target", "churned"], {}) == 2

    assert list(outside.iterdir()) == []
    assert contents(repository) == before


def test_what_lies_outside_the_repository_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository.parent / "secret.csv").write_text("label\n")

    assert run(["init", "--holdout", "../secret.csv", "--target", "label"], {}) == 2
    assert "lies outside the repository" in capsys.readouterr().err
    assert run(["init", "--folder", "nowhere"], {}) == 2


def test_a_split_is_a_quarter_of_whole_rows_and_always_the_same(repository: Path) -> None:
    kept, held = split("data/churn.csv")
    rows = [list(csv.reader(io.StringIO(part.decode(), newline=""))) for part in (kept, held)]

    assert rows[0][0] == rows[1][0] == ["age", "churned", "plan"]
    whole = list(csv.reader(io.StringIO(ROWS, newline="")))
    assert sorted(rows[0][1:] + rows[1][1:]) == sorted(whole[1:])
    assert 30 <= len(rows[1]) - 1 <= 70

    # Rows keep their side wherever they stand, with any line end, and beside whatever others.
    other = f"x,y,z\n{ROWS.partition(chr(10))[2]}20,1,new"
    for content in (other, other.replace(",\n", ",;").replace("\n", "\r\n").replace(",;", ",\n")):
        (repository / "b.csv").write_bytes(content.encode())
        again = split("b.csv")[1].decode().replace("\r", "").replace("20,1,new\n", "")
        assert again.partition("\n")[2] == held.decode().partition("\n")[2]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", "a,b\n1,2\n", "too few rows"),
        ("a.csv", "", "too few rows"),
        ("a.csv", "a,b\n" + "1,2\n" * 50, "too few rows"),
        ("a.csv", 'a,b\n"' + "x" * 2_000_000, "field larger"),
        ("a.csv", b"a\n\xff\xfe\n", "utf-8"),
        ("a.jsonl", '{"a": 1}\n', "too few rows"),
    ],
)
def test_what_cannot_be_split_says_so(name: str, content: str | bytes, why: str) -> None:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(UsageError, match=why):
        split(name)


def test_lines_of_json_have_no_header() -> None:
    Path("a.jsonl").write_text("".join(f'{{"a": {n}}}\n' for n in range(40)))

    kept, held = split("a.jsonl")

    assert sorted((kept + held).splitlines()) == sorted(Path("a.jsonl").read_bytes().splitlines())


def test_a_look_takes_no_links_no_environments_and_no_pipes(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a\n")
    (repository / "train.csv").symlink_to(tmp_path / "train.csv")
    os.mkfifo(repository / "train_pipe.csv")
    (repository / "env").mkdir()
    (repository / "env/pyvenv.cfg").write_text("")
    (repository / "env/train.py").write_text("")
    (repository / ".hidden").mkdir()
    (repository / ".hidden/train.csv").write_text("a\n")
    (repository / "Makefile").write_text("TRAIN := x\ntrain: data\n\tpython x.py\nbuild:\n")
    (repository / "pyproject.toml").write_text(
        '[project.scripts]\nfit = "a:b"\nchurn-train = "a:b"\n[tool.x]\ntrain = 1\n'
    )

    found = survey(repository)

    assert list(found.scripts) == ["train.py"]
    assert [(one.path, one.columns) for one in found.data] == [("data/churn.csv", ("age", "churned", "plan"))]
    assert (found.targets, found.commands) == (("train",), ("churn-train",))
    assert (found.branch, found.remote) == ("trunk", "https://github.com/someone/churn-model.git")


def test_columns_of_every_kind_of_file_are_found(repository: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"a": [1], "label": [2]}), repository / "a.parquet")
    (repository / "b.jsonl").write_text('{"a": 1, "label": 2}\n')
    (repository / "c.tsv").write_text("\ufeffa\tlabel\n")
    (repository / "d.parquet").write_text("no parquet")

    found = {one.path: one.columns for one in survey(repository).data}

    assert [found[name] for name in ("a.parquet", "b.jsonl", "c.tsv", "d.parquet")] == [("a", "label")] * 3 + [()]
