"""One member of a zip that a stranger made."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlci.adapters.disk.archive import only_member, unpack
from mlci.errors import ArtifactRefused

EVIDENCE = b'{"_type": "https://in-toto.io/Statement/v1"}'


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in entries:
            archive.writestr(name, data, method)
    return content.getvalue()


def mode(name: str, bits: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, bits << 16
    return entry


def patched(content: bytes, change: Callable[[bytearray, int, int], None]) -> bytes:
    """A zip of one member with its local header and its entry in the directory changed."""
    whole = bytearray(content)
    change(whole, whole.find(b"PK\x03\x04"), whole.find(b"PK\x01\x02"))
    return bytes(whole)


def sizes(local: int, unpacked: int) -> Callable[[bytearray, int, int], None]:
    def change(whole: bytearray, start: int, entry: int) -> None:
        struct.pack_into("<L", whole, start + 22, local)
        struct.pack_into("<L", whole, entry + 24, unpacked)

    return change


def flag(bit: int) -> Callable[[bytearray, int, int], None]:
    def change(whole: bytearray, start: int, entry: int) -> None:
        whole[start + 6] |= bit
        whole[entry + 8] |= bit

    return change


def data(whole: bytearray, start: int, entry: int) -> None:
    whole[start + 30 + len("gate.json") + 3] ^= 0xFF


def checksum(whole: bytearray, start: int, entry: int) -> None:
    whole[start + 14] ^= 0xFF
    whole[entry + 16] ^= 0xFF


ONE = packed(("gate.json", EVIDENCE))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_member_is_read_and_the_others_left(method: int) -> None:
    content = packed(
        ("predictions.csv", b"id\n1\n"), ("gate.json", EVIDENCE), ("folder/gate.json", b"{}"), method=method
    )
    assert only_member(content, "gate.json", len(EVIDENCE)) == EVIDENCE
    assert only_member(content, "predictions.csv", 100) == b"id\n1\n"


def test_an_empty_member_and_one_with_a_mode_are_files_too() -> None:
    content = packed((mode("gate.json", 0o100644), b""), ("folder/", b""))
    assert only_member(content, "gate.json", 0) == b""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a zip"),
        (b"PK\x05\x06", "not a zip"),
        (EVIDENCE, "not a zip"),
        (ONE[:-30], "not a zip"),
        (packed(), "has no gate.json"),
        (packed(("Gate.json", b"1"), ("x/gate.json", b"1"), ("gate.json ", b"1")), "has no gate.json"),
        (packed(("gate.json", b"1"), ("gate.json", b"2")), "2 members"),
        (packed(("gate.json", b"1"), ("../gate.json", b"2")), "the name '../gate.json'"),
        (packed(("gate.json", b"1"), ("a/../../b", b"2")), "the name"),
        (packed(("gate.json", b"1"), ("/etc/passwd", b"2")), "the name"),
        (packed(("gate.json", b"1"), ("C:/x", b"2")), "the name"),
        (packed(("gate.json", b"1"), ("a\\..\\b", b"2")), "the name"),
        (packed(("gate.json", b"1"), ("a\nb\x1b[31m", b"2")), "the name"),
        (packed((mode("gate.json", 0o120777), b"/etc/passwd")), "not a regular file"),
        (packed((mode("gate.json", 0o010644), b"")), "not a regular file"),
        (packed(("gate.json", EVIDENCE), method=zipfile.ZIP_LZMA), "packed by method 14"),
        (packed(("gate.json", EVIDENCE), method=zipfile.ZIP_BZIP2), "packed by method 12"),
        (patched(ONE, flag(0x01)), "encrypted"),
        (patched(ONE, flag(0x40)), "encrypted"),
        (packed(("gate.json", b"x" * 1001)), "1,001 bytes unpacked, more than 1,000"),
        (patched(ONE, sizes(0, 2**31)), "more than 1,000"),
        (patched(ONE, sizes(10, 10)), "broken"),
        (patched(ONE, sizes(999, 999)), "broken"),
        (patched(ONE, data), "broken"),
        (patched(ONE, checksum), "broken"),
        (patched(ONE, lambda whole, start, _: whole.__setitem__(start + 30, ord("G"))), "broken"),
        (packed(("gate.jsoN", b"1")).replace(b"gate.jsoN", b"gate.js\0N"), "the name"),
        (packed(("gate.json.txt", b"1")).replace(b"gate.json.txt", b"gate.json\0txt"), "the name"),
    ],
)  # fmt: skip
def test_what_is_not_one_plain_file_of_that_name_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ArtifactRefused) as caught:
        only_member(content, "gate.json", 1000)
    assert why in caught.value.cause
    assert caught.value.cause.isprintable()


def test_a_bomb_is_refused_by_its_ratio_and_never_unpacked() -> None:
    content = packed(("gate.json", b"\0" * (64 << 20)))
    tracemalloc.start()
    with pytest.raises(ArtifactRefused, match="more tightly"):
        only_member(content, "gate.json", 100 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_bomb_that_declares_little_unpacks_to_little() -> None:
    content = patched(packed(("gate.json", b"\0" * (64 << 20))), sizes(900, 900))
    tracemalloc.start()
    with pytest.raises(ArtifactRefused, match="broken"):
        only_member(content, "gate.json", 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_ordinary_predictions_that_repeat_themselves_are_read() -> None:
    table = b"id,y_true,y_pred\n" + b"".join(b"%d,1,1\n" % number for number in range(300_000))
    assert only_member(packed(("predictions.csv", table)), "predictions.csv", 1 << 24) == table


def test_a_list_of_members_that_is_far_too_long_is_refused_before_it_is_read() -> None:
    # The same small entry over and over: what a million of them would cost is not paid.
    entry = ONE[ONE.find(b"PK\x01\x02") : ONE.find(b"PK\x05\x06")]
    start, count = ONE.find(b"PK\x01\x02"), 30_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, start, 0)
    with pytest.raises(ArtifactRefused, match="far too many members"):
        only_member(ONE[:start] + entry * count + end, "gate.json", 1000)


def test_the_64_bit_kind_which_nothing_of_this_size_needs_is_refused() -> None:
    at = ONE.find(b"PK\x05\x06")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**40, 2**40)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    with pytest.raises(ArtifactRefused, match="plain kind"):
        only_member(ONE[:at] + record + locator + ONE[at:], "gate.json", 1000)


# As a forge packs it that keeps whole paths.


def test_a_member_in_a_folder_is_found_where_the_forge_packs_whole_paths() -> None:
    content = packed(("a/mlci-keep/gate.json", EVIDENCE), (".mlci/report/gate.json", b"another"), ("a/other", b""))
    assert only_member(content, "gate.json", 100, nested=True) == EVIDENCE
    with pytest.raises(ArtifactRefused, match=r"has no gate\.json"):
        only_member(content, "gate.json", 100)


def test_of_several_members_of_a_name_the_one_that_lies_least_deep_is_meant_and_two_are_one_too_many() -> None:
    content = packed(("mlci-model/model.json", EVIDENCE), ("mlci-model/model/model.json", b"of a framework"))
    assert only_member(content, "model.json", 100, nested=True) == EVIDENCE
    with pytest.raises(ArtifactRefused, match="2 members"):
        only_member(packed(("a/gate.json", EVIDENCE), ("b/gate.json", EVIDENCE)), "gate.json", 100, nested=True)


def test_a_folder_is_unpacked_without_what_it_lies_in_and_what_lies_beside_it(tmp_path: Path) -> None:
    content = packed(
        ("x/mlci-model/model.json", EVIDENCE), ("x/mlci-model/model/model.json", b"1"), (".mlci/report/r.html", b"2"),
        ("x/elsewhere", b"3"),
    )  # fmt: skip
    unpack(content, tmp_path, 1000, beside="model.json")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "model.json", "model/model.json",
    ]  # fmt: skip
    for broken in (packed(("a", b"")), packed(("a/model.json", b""), ("b/model.json", b""))):
        with pytest.raises(ArtifactRefused, match="not one"):
            unpack(broken, tmp_path / "no", 1000, beside="model.json")
