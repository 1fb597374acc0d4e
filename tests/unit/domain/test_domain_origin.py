"""Where a checkout came from, and whose forge that is."""

from __future__ import annotations

import pytest

from mlci.domain.origin import Origin, forge_of, origin


@pytest.mark.parametrize(
    ("address", "expected", "web"),
    [
        ("https://gitlab.com/a/b.git", ("https", "gitlab.com", None, "a/b"), "https://gitlab.com"),
        ("https://u:p@Gitlab.Example.com/a/b/c/", ("https", "gitlab.example.com", None, "a/b/c"), None),
        ("http://10.0.0.1:8080/gitlab/a/b", ("http", "10.0.0.1", 8080, "gitlab/a/b"), "http://10.0.0.1:8080"),
        ("git@gitlab.com:a/b.git", (None, "gitlab.com", None, "a/b"), "https://gitlab.com"),
        ("ssh://git@h.example:2222/a/b.git", ("ssh", "h.example", 2222, "a/b"), "https://h.example"),
        ("git+ssh://git@h.example/a/b", ("git+ssh", "h.example", None, "a/b"), "https://h.example"),
        ("https://[::1]:1/a/b", ("https", "[::1]", 1, "a/b"), "https://[::1]:1"),
    ],
)
def test_an_address_says_host_and_path(
    address: str, expected: tuple[str | None, str, int | None, str], web: str | None
) -> None:
    found = origin(address)

    assert found is not None
    assert (found.scheme, found.host, found.port, found.path) == expected
    assert web is None or found.web == web


@pytest.mark.parametrize("address", ["", "../other", "/srv/git/a.git", "file:///srv/a", "C:\\a", "https://", "a b:c d"])
def test_what_names_no_server_is_none(address: str) -> None:
    assert origin(address) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("github.com", "github"), ("github.example.com", "github"), ("gitlab.com", "gitlab"),
        ("my-gitlab.example.com", "gitlab"), ("code.example.com", "gitlab"), ("example.com", None),
        ("notgitlabs.com", None),
    ],
)  # fmt: skip
def test_the_name_of_a_host_says_whose_forge_it_is(host: str, expected: str | None) -> None:
    assert forge_of(Origin(scheme="https", host=host, port=None, path="a/b"), ["code.example.com"]) == expected
