"""YAML that means harm: too large, too deep, endless, or with a will of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.config.load import load
from mlci.config.nodes import DEEPEST, LARGEST_FILE, MOST_NODES, Mapping, Node, Scalar, Sequence, read_nodes
from mlci.errors import ConfigSyntax, MlciError


def refusal(content: bytes | str) -> ConfigSyntax:
    with pytest.raises(ConfigSyntax) as caught:
        read_nodes(content.encode() if isinstance(content, str) else content, "mlci.yml")
    return caught.value


def load_text(folder: Path, text: str) -> MlciError | None:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    try:
        load(str(path), {})
    except MlciError as error:
        return error
    return None


def test_a_file_of_a_mebibyte_is_read_and_one_more_byte_is_not() -> None:
    fits = b"model: churn\n#" + b"x" * (LARGEST_FILE - 14)

    assert len(fits) == LARGEST_FILE
    assert read_nodes(fits, "mlci.yml") is not None
    assert "1 MiB" in refusal(fits + b"x").cause


def test_nesting_is_allowed_to_a_depth_and_not_beyond() -> None:
    assert read_nodes(("[" * DEEPEST + "]" * DEEPEST).encode(), "mlci.yml") is not None
    assert "nested" in refusal("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)).cause


@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000])
def test_nesting_without_end_is_refused_at_once(text: str) -> None:
    started = time.monotonic()

    assert "nested" in refusal(text).cause
    assert time.monotonic() - started < 5


def test_keys_within_keys_without_end_are_refused_at_once() -> None:
    assert "a key must be a word" in refusal("? " * 400_000).cause


def test_a_file_of_too_many_values_is_refused() -> None:
    assert "values" in refusal("[" + "a," * MOST_NODES + "a]").cause


def laughs(levels: int, width: int, item: str) -> str:
    lines = ["train:", "  profiles:", f"    x0: &x0 {item}"]
    lines += [
        f"    x{level}: &x{level} {{<<: [{', '.join([f'*x{level - 1}'] * width)}]}}" for level in range(1, levels)
    ]
    return "\n".join(lines)


def test_aliases_of_aliases_are_refused_before_they_unfold(tmp_path: Path) -> None:
    started = time.monotonic()
    error = load_text(tmp_path, laughs(9, 9, "{sample: 0.5}"))

    assert isinstance(error, ConfigSyntax)
    assert "aliases counted" in error.cause
    assert time.monotonic() - started < 10


def test_a_long_chain_of_merges_is_refused_without_exhausting_the_stack(tmp_path: Path) -> None:
    error = load_text(tmp_path, laughs(2000, 1, "{sample: 0.5}"))

    assert isinstance(error, ConfigSyntax)
    assert "merges are nested" in error.cause


def test_a_long_list_named_by_many_aliases_is_refused(tmp_path: Path) -> None:
    stages = ", ".join(f"s{number}" for number in range(1000))
    aliases = "\n".join(f"    s{number}: *all" for number in range(500))
    error = load_text(tmp_path, f"promote:\n  stages: &all [{stages}]\n  require:\n{aliases}\n")

    assert isinstance(error, ConfigSyntax)


def test_thousands_of_problems_are_cut_short(tmp_path: Path) -> None:
    error = load_text(tmp_path, "\n".join(f"wrong_{number}: 1" for number in range(5000)))

    assert str(error).count("error[") == 101
    assert "more than 100 problems" in str(error)


def test_an_alias_shares_the_value_and_a_later_anchor_replaces_an_earlier() -> None:
    root = read_nodes(b"a: &x one\nb: *x\nc: &x two\nd: *x\n", "mlci.yml")

    assert isinstance(root, Mapping)
    assert [value.text for _, value in root.entries if isinstance(value, Scalar)] == ["one", "one", "two", "two"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a: *b", "names no value above it"),
        ("a: &b [*b]", "stands inside the value"),
        ("a: &b {c: *b}", "stands inside the value"),
        ("a: !x b", "the tag !x is not allowed"),
        ("a: !!python/name:os.system ''", "the tag"),
        ("a: !!binary aGk=", "the tag"),
        ("a: ! b", "the tag"),
        ("a: b\n---\nc: d", "more than one document"),
        ("{a: b}: c", "a key must be a word"),
        ("a: 'b", "not valid YAML"),
        ("a: b: c", "not valid YAML"),
        ("%YAML 3.0\n---\na: b", "not valid YAML"),
        ("a: \x00", "U+0000"),
        ("a: \x1b[31m", "U+001B"),
    ],
)
def test_what_mlci_yml_does_not_take_of_yaml_is_named(text: str, cause: str) -> None:
    assert cause in refusal(text).cause


@pytest.mark.parametrize("content", [b"a: \xff", "a: ü".encode("latin-1"), "a: b".encode("utf-16")])
def test_a_file_that_is_not_utf_8_is_refused(content: bytes) -> None:
    assert "UTF-8" in refusal(content).cause


def test_a_syntax_error_names_its_place() -> None:
    place = refusal("model: churn\ndata: [a\n").place

    assert str(place) == "mlci.yml:3:1"


def test_the_place_of_a_bad_byte_is_its_line() -> None:
    assert str(refusal(b"a: b\nc: \xff\n").place) == "mlci.yml:2"
    assert str(refusal(b"a: b\nc: \x07\n").place) == "mlci.yml:2"


def _depth(node: Node | None) -> int:
    if isinstance(node, Sequence):
        return 1 + max(map(_depth, node.items), default=0)
    if isinstance(node, Mapping):
        return 1 + max((_depth(value) for _, value in node.entries), default=0)
    return 0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-_", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_any_document_of_plain_yaml_becomes_nodes_of_the_same_form(document: object) -> None:
    text = yaml.safe_dump(document, allow_unicode=False)
    root = read_nodes(text.encode(), "mlci.yml")

    assert _plain(root) == _texts(document)
    assert _depth(root) <= DEEPEST


def _plain(node: Node | None) -> object:
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: _plain(value) for key, value in node.entries}
    return node.text if isinstance(node, Scalar) else None


def _texts(document: object) -> object:
    if isinstance(document, list):
        return [_texts(item) for item in document]
    if isinstance(document, dict):
        return {key: _texts(value) for key, value in document.items()}
    return "null" if document is None else str(document).lower() if isinstance(document, bool) else str(document)


def outcome(content: bytes) -> str:
    """``nodes``, or the file that the one error names."""
    try:
        read_nodes(content, "mlci.yml")
    except ConfigSyntax as error:
        return error.place.file if error.place else "nowhere"
    return "nodes"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_end_in_anything_but_nodes_or_one_error(content: bytes) -> None:
    assert outcome(content) in ("nodes", "mlci.yml")


@settings(deadline=None)
@given(st.text(alphabet="ab:-?&*!|>'\"%@`{}[],#<~ \n\t0", max_size=60))
def test_no_text_of_yaml_punctuation_ends_in_anything_but_nodes_or_one_error(text: str) -> None:
    assert outcome(text.encode()) in ("nodes", "mlci.yml")
