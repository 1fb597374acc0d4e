from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin

from mlci.adapters.datasets import open_engine
from mlci.adapters.datasets.media import medium_at, table_of
from mlci.adapters.datasets.media_images import facts_of_image
from mlci.config.data import Data
from mlci.domain.dataset.language import language_of
from mlci.domain.dataset.media import COLUMNS, medium_of
from mlci.errors import DataUnreadable
from mlci.ports import DataSource
from mlci.steps.checking import Material, Part, describing, leaking


def picture(path: Path, seed: int, *, size: tuple[int, int] = (24, 16), mode: str = "L", **how: Any) -> Path:
    """An image that is like no other one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    noise = b"".join(zlib.crc32(f"{seed} {n}".encode()).to_bytes(4, "big") for n in range(size[0] * size[1] * bands))
    Image.frombytes(mode, size, noise[: size[0] * size[1] * bands]).save(path, **how)
    return path


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(side: int) -> bytes:
    """A small PNG that says it is a very large picture."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(4096))) + chunk(b"IEND", b"")
    )


def rows_of(path: Path, folder: Path) -> dict[str, dict[str, Any]]:
    facts = table_of(str(path), str(folder))
    assert facts is not None
    return {row["path"]: row for row in pq.read_table(facts).to_pylist()}


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    for n in range(6):
        picture(tmp_path / "zoo" / ("cat" if n < 4 else "dog") / f"{n}.png", n)
    return tmp_path / "zoo"


def test_an_image_folder_is_a_row_for_each_image_with_its_class(zoo: Path, tmp_path: Path) -> None:
    found = rows_of(zoo, tmp_path)
    assert sorted(found) == ["cat/0.png", "cat/1.png", "cat/2.png", "cat/3.png", "dog/4.png", "dog/5.png"]
    one = found["dog/4.png"]
    assert (one["label"], one["mode"], one["width"], one["height"], one["format"]) == ("dog", "L", 24, 16, "PNG")
    assert all(row["readable"] for row in found.values())
    assert len({row["content"] for row in found.values()}) == 6


def test_every_engine_reads_the_table_as_any_other(zoo: Path, tmp_path: Path) -> None:
    facts = table_of(str(zoo), str(tmp_path))
    engine = open_engine("duckdb", memory="500MB", folder=str(tmp_path / "spill"))
    opened = engine.open(DataSource(role="train", name="zoo", path=facts), {})
    assert opened.columns == COLUMNS["images"]
    assert medium_of(opened.columns) == "images"
    engine.close()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("cut.png", lambda raw: raw[: len(raw) // 2]),
        ("end.png", lambda raw: raw[:-20]),
        ("bit.png", lambda raw: raw[:60] + bytes([raw[60] ^ 1]) + raw[61:]),
        ("words.png", lambda raw: b"this is no picture"),
        ("empty.png", lambda raw: b""),
        ("bomb.png", lambda raw: bomb(40_000)),
        ("large.png", lambda raw: bomb(12_000)),
        ("page.png", lambda raw: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
    ],
)
def test_an_image_that_cannot_be_read_is_told_and_stops_nothing(
    zoo: Path, tmp_path: Path, name: str, spoil: Any
) -> None:
    raw = (zoo / "cat" / "0.png").read_bytes()
    (zoo / "cat" / name).write_bytes(spoil(raw))
    found = rows_of(zoo, tmp_path)
    assert [path for path, row in found.items() if not row["readable"]] == [f"cat/{name}"]
    assert found[f"cat/{name}"]["trouble"]


def test_a_jpeg_that_is_cut_off_is_told(tmp_path: Path) -> None:
    whole = picture(tmp_path / "a.jpg", 1, size=(64, 64), mode="RGB")
    assert facts_of_image(str(whole))["readable"]
    whole.write_bytes(whole.read_bytes()[:-900])
    assert not facts_of_image(str(whole))["readable"]


def test_the_same_picture_in_another_file_is_the_same_content(tmp_path: Path) -> None:
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", "another file")
    one = facts_of_image(str(picture(tmp_path / "a.png", 1)))
    other = facts_of_image(str(picture(tmp_path / "b.png", 1, pnginfo=said, compress_level=0)))
    third = facts_of_image(str(picture(tmp_path / "c.bmp", 1)))
    assert one["digest"] != other["digest"]
    assert one["content"] == other["content"] == third["content"]
    assert facts_of_image(str(picture(tmp_path / "d.png", 2)))["content"] != one["content"]


def test_a_flat_folder_has_the_classes_of_its_labels_file(tmp_path: Path) -> None:
    for n in range(3):
        picture(tmp_path / "flat" / f"{n}.png", n)
    assert {row["label"] for row in rows_of(tmp_path / "flat", tmp_path).values()} == {None}
    (tmp_path / "flat" / "labels.csv").write_text("file_name,label\n0.png,cat\n2.png,dog\n")
    found = rows_of(tmp_path / "flat", tmp_path)
    assert [found[f"{n}.png"]["label"] for n in range(3)] == ["cat", None, "dog"]
    (tmp_path / "flat" / "labels.csv").write_text("one,two\n0.png,cat\n")
    with pytest.raises(DataUnreadable, match=r"labels.csv has no columns file_name and label"):
        table_of(str(tmp_path / "flat"), str(tmp_path))


def test_a_link_out_of_the_folder_is_not_followed(zoo: Path, tmp_path: Path) -> None:
    outside = picture(tmp_path / "outside.png", 99)
    (zoo / "cat" / "link.png").symlink_to(outside)
    with pytest.raises(DataUnreadable, match=r"link\.png leads out of the folder"):
        table_of(str(zoo), str(tmp_path))


def test_what_is_a_table_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "flat.jsonl").write_text('{"text": "a", "label": 1}\n')
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "parts").mkdir()
    for n in range(3):
        (tmp_path / "parts" / f"{n}.parquet").write_bytes(b"")
    (tmp_path / "parts" / "README.md").write_text("about")
    for name in ("flat.jsonl", "table.csv", "parts", "nothing"):
        assert table_of(str(tmp_path / name), str(tmp_path)) is None


def test_texts_are_measured_and_not_kept(tmp_path: Path) -> None:
    for name, text in (
        ("a/1.txt", b"The cat sat on the mat and it was not amused.\r\n"),
        ("a/2.txt", b"the CAT sat  on the mat\nand it was not amused."),
        ("b/3.txt", b"Das ist nicht der Hund, und er ist auch nicht im Garten."),
        ("b/4.txt", b"caf\xe9 \x07"),
        ("b/5.txt", b"  \n"),
    ):
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / name).write_bytes(text)
    found = rows_of(tmp_path / "texts", tmp_path)
    assert [row["language"] for row in found.values()] == ["en", "en", "de", "und", "und"]
    assert found["a/1.txt"]["content"] == found["a/2.txt"]["content"]
    assert (found["b/4.txt"]["undecodable"], found["b/4.txt"]["controls"], found["b/4.txt"]["readable"]) == (
        1,
        1,
        False,
    )
    assert (found["b/5.txt"]["words"], found["b/5.txt"]["readable"]) == (0, True)
    assert "cat" not in Path(str(table_of(str(tmp_path / "texts"), str(tmp_path)))).read_bytes().decode("latin-1")


def test_a_text_file_is_a_text_on_each_line(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one two\n\nthree")
    found = rows_of(tmp_path / "lines.txt", tmp_path)
    assert [(row["line"], row["words"]) for row in found.values()] == [(1, 2), (2, 0), (3, 1)]


def test_a_chat_is_a_row_with_its_roles_and_lengths(tmp_path: Path) -> None:
    lines: list[Any] = [
        {"messages": [{"role": "user", "content": "Is it the one?"}, {"role": "assistant", "content": "It is not."}]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": " "}], "label": "b"},
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
        {"prompt": "no chat"},
    ]
    text = "\n".join([*map(json.dumps, lines), "", "{broken", ""])
    (tmp_path / "chats.jsonl").write_text(text)
    assert medium_at(str(tmp_path / "chats.jsonl")) == "chats"
    found = list(rows_of(tmp_path / "chats.jsonl", tmp_path).values())
    assert [row["roles"] for row in found] == ["user,assistant", "user,assistant", "human,gpt", None, None]
    assert [row["messages"] for row in found] == [2, 2, 2, None, None]
    assert [row["hollow"] for row in found[:3]] == [0, 1, 0]
    assert [row["trouble"] for row in found[3:]] == ["it has no list of messages", "it is no JSON"]
    assert (found[0]["longest"], found[0]["line"], found[4]["line"], found[1]["label"]) == (14, 1, 6, "b")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It is what it is, and that was all they had to say.", "en"),
        ("Wir haben das nicht gewollt, aber es ist so gekommen und nun ist es da.", "de"),
        ("Je ne sais pas ce que vous voulez, mais il est dans la maison avec elle.", "fr"),
        ("No sé lo que quieres, pero está en la casa con los niños y las flores.", "es"),
        ("Non so che cosa vuoi, ma è nella casa con il cane e gli altri.", "it"),
        ("Eu não sei o que você quer, mas ele foi para casa com os meus pais.", "pt"),
        ("Ik weet niet wat je wilt, maar hij is in het huis met de hond.", "nl"),
        ("Jag vet inte vad du vill ha, men han är i huset med hunden och katten.", "sv"),
        ("Nie wiem, czego chcesz, ale jest w domu z psem i to już po jego powrocie.", "pl"),
        ("Я не знаю, что это такое, но он был дома.", "ru"),
        ("Я не знаю, що це таке, але він був вдома і ще не пішов.", "uk"),
        ("أنا لا أعرف ما هذا الذي في البيت", "ar"),
        ("我不知道你在说什么", "zh"),
        ("これは何ですか、私は知りません", "ja"),
        ("나는 모르겠습니다", "ko"),
        ("42 + 1 = 43", "und"),
        ("Lorem ipsum", "und"),
    ],
)
def test_a_language_is_told_by_its_letters_and_commonest_words(text: str, language: str) -> None:
    assert language_of(text) == language


def checked(train: Path, holdout: Path, folder: Path) -> tuple[Part, Part]:
    engine = open_engine("duckdb", memory="500MB", folder=str(folder / "spill"))
    sources: list[Any] = [("train", train), ("holdout", holdout)]
    opened = {
        role: engine.open(DataSource(role=role, name=role, path=table_of(str(path), str(folder))), {})
        for role, path in sources
    }
    material = Material(
        engine=engine, train=opened["train"], holdout=opened["holdout"], reference=None, settings=Data(),
        target="label", id="path",
    )  # fmt: skip
    return describing.run(material), leaking.run(material)


def test_pictures_of_training_are_found_in_the_holdout_whatever_their_file_is(tmp_path: Path) -> None:
    for n in range(60):
        picture(tmp_path / "train" / "ab"[n % 2] / f"{n}.png", n)
        picture(tmp_path / "holdout" / "ab"[n % 2] / f"{n}.png", 1000 + n)
    described, clean = checked(tmp_path / "train", tmp_path / "holdout", tmp_path)
    assert {one.id: one.verdict.value for one in described.findings} == {"media:train": "pass", "media:holdout": "pass"}
    assert next(one for one in clean.findings if one.id == "leakage:content").verdict.value == "pass"
    for n in range(8):
        picture(tmp_path / "holdout" / "ab"[n % 2] / f"copy{n}.png", n, compress_level=0)
        picture(tmp_path / "train" / "b" / f"again{n}.bmp", 20)
    (tmp_path / "train" / "a" / "cut.png").write_bytes((tmp_path / "train" / "a" / "0.png").read_bytes()[:50])
    described, leaked = checked(tmp_path / "train", tmp_path / "holdout", tmp_path)
    finding = next(one for one in leaked.findings if one.id == "leakage:content")
    assert (finding.verdict.value, finding.reason) == ("fail", "overlap")
    assert finding.message.startswith("8 of 68 rows of the holdout")
    said = {one.id: one.message for one in described.findings}
    assert said["media:unreadable[train]"].startswith(
        "1 of 69 images of the training data (1.45 %) cannot be read: a/cut"
    )
    assert said["media:duplicates[train]"].startswith("8 of 69 images")


def judged(train: Path, folder: Path, contract: str) -> dict[str, tuple[str, int | None]]:
    from mlci.config.contract import read_contract
    from mlci.steps.checking import ruling

    engine = open_engine("duckdb", memory="500MB", folder=str(folder / "spill"))
    opened = engine.open(DataSource(role="train", name="train", path=table_of(str(train), str(folder))), {})
    ruled = ruling.run(engine, opened, read_contract(contract.encode(), "contract.yml"), Data())
    return {one.rule: (one.outcome, one.unexpected) for one in ruled.judged}


def test_a_contract_on_images_counts_what_it_asks_for(zoo: Path, tmp_path: Path) -> None:
    contract = """
images:
  classes: [cat, dog]
  min_per_class: 2
  unreadable: 0
  duplicates: 0
  formats: PNG
  modes: L
  width: {min: 16, max: 64}
  height: {is: 16}
"""
    assert {one[0] for one in judged(zoo, tmp_path, contract).values()} == {"pass"}
    picture(zoo / "dog" / "wide.png", 9, size=(80, 16), mode="RGB")
    picture(zoo / "eel" / "copy.bmp", 0)
    (zoo / "dog" / "cut.png").write_bytes((zoo / "cat" / "0.png").read_bytes()[:30])
    found = {name: n for name, (outcome, n) in judged(zoo, tmp_path, contract).items() if outcome == "fail"}
    assert found == {
        "label.in_set": 1, "readable.in_set": 1, "content.unique": 2, "format.in_set": 1, "mode.in_set": 1,
        "width.between": 1, "label.min_per_class": 1,
    }  # fmt: skip
    (zoo / "eel" / "copy.bmp").unlink()
    for n in (4, 5):
        (zoo / "dog" / f"{n}.png").unlink()
    (zoo / "dog" / "wide.png").unlink()
    (zoo / "dog" / "cut.png").unlink()
    missing = judged(zoo, tmp_path, contract)
    assert [name for name, one in missing.items() if one[0] == "fail"] == ["label.contains"]


def test_a_contract_on_chats_counts_what_it_asks_for(tmp_path: Path) -> None:
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"What is the answer to {n}?"},
                {"role": "assistant", "content": "It is."},
            ]
        }
        for n in range(9)
    ]
    lines.append({"messages": [{"role": "user", "content": "Was ist das und wie ist das nicht?"}], "x": []})  # type: ignore[dict-item]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, lines)))
    contract = """
texts:
  languages: en
  roles: ["user,assistant"]
  keys: messages
  messages: {min: 2}
  words: {min: 3}
  duplicates: 0
  unreadable: 0
  empty: 0
"""
    found = {
        name: one for name, one in judged(tmp_path / "chats.jsonl", tmp_path, contract).items() if one[0] != "pass"
    }
    assert found == {
        "language.in_set": ("fail", 1), "roles.in_set": ("fail", 1), "keys.in_set": ("fail", 1),
        "messages.between": ("fail", 1),
    }  # fmt: skip
    relaxed = contract.replace("languages: en", "languages: en\n  other_languages: 0.1")
    assert judged(tmp_path / "chats.jsonl", tmp_path, relaxed)["language.in_set"] == ("pass", 1)
