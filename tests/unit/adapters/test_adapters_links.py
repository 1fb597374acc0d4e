"""By which names a file of a checkout goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci.adapters.disk.links import names_of


def linked(top: Path, **links: str) -> None:
    (top / "real" / "deep").mkdir(parents=True)
    (top / "real" / "h.csv").write_text("x")
    for name, target in links.items():
        (top / name).symlink_to(target.replace("TOPNAME", top.name).replace("TOP", str(top)))


@pytest.mark.parametrize(
    ("links", "path", "names"),
    [
        ({}, "real/h.csv", ()),
        ({}, "nowhere/h.csv", ()),
        ({"h": "real/h.csv"}, "h", ("real/h.csv",)),
        ({"h": "./real/../real//h.csv"}, "h", ("real/h.csv",)),
        ({"d": "real"}, "d/h.csv", ("d", "real/h.csv")),
        ({"h": "via", "via": "real/h.csv"}, "h", ("via", "real/h.csv")),
        ({"d": "real/deep", "h": "d/../h.csv"}, "h", ("d", "real/h.csv")),
        ({"h": "TOP/real/h.csv"}, "h", ("real/h.csv",)),
        ({"h": "missing/h.csv"}, "h", ("missing/h.csv",)),
        ({"h": "/etc/hosts"}, "h", ()),
        ({"h": "../elsewhere"}, "h", ()),
        ({"h": "../elsewhere/real/h.csv"}, "h", ()),
        ({"h": "via", "via": "/etc/hosts"}, "h", ("via",)),
        ({"h": "../TOPNAME/via", "via": "real/h.csv"}, "h", ("via", "real/h.csv")),
        ({"h": "h"}, "h", ()),
        ({"a": "b", "b": "a"}, "a", ("b",)),
    ],
)
def test_every_link_on_the_way_is_a_name_and_so_is_where_the_file_lies(
    tmp_path: Path, links: dict[str, str], path: str, names: tuple[str, ...]
) -> None:
    linked(tmp_path, **links)

    assert names_of(str(tmp_path), path) == names


def test_a_checkout_behind_a_link_of_its_own_has_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    linked(tmp_path / "top", h="real/h.csv")
    (tmp_path / "there").symlink_to("top")

    assert names_of(str(tmp_path / "there"), "h") == ("real/h.csv",)


def test_a_name_that_no_file_can_have_has_no_other(tmp_path: Path) -> None:
    assert names_of(str(tmp_path), "a\0b") == ()
