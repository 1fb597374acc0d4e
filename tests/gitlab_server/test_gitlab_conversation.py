"""Notes, threads, whose they are, how much fits, and the pages that lists come in."""

from __future__ import annotations

import pytest

from gitlab_server.conversation import commands_in

NOTES = "/merge_requests/1/notes"
THREADS = "/merge_requests/1/discussions"


def test_a_note_is_added_shown_changed_and_removed(gitlab, change, ask):
    made = ask("POST", NOTES, json={"body": "ü"})

    assert made.status_code == 201
    shown = made.json()
    assert (shown["body"], shown["system"], shown["resolvable"], shown["noteable_iid"]) == ("ü", False, False, 1)
    assert shown["author"]["id"] == ask("GET", f"{gitlab.url}/user").json()["id"]
    one = f"{NOTES}/{shown['id']}"
    edited = ask("PUT", one, json={"body": "new"}).json()
    assert (edited["body"], edited["created_at"]) == ("new", shown["created_at"])
    assert edited["updated_at"] > shown["updated_at"]
    assert ask("GET", one).json() == edited
    removed = ask("DELETE", one)
    assert (removed.status_code, removed.content) == (204, b"")
    assert ask("GET", one).json() == ask("DELETE", one).json() == {"message": "404 Not found"}
    assert ask("GET", "/merge_requests/7/notes").json() == {"message": "404 Not found"}


def test_a_note_of_somebody_else_is_for_maintainers_and_one_of_gitlab_for_nobody(gitlab, change, ask):
    other, system = gitlab.say(1, "mine"), gitlab.say(1, "approved this merge request", system=True)
    maintainer = gitlab.token(role="maintainer")

    assert ask("PUT", f"{NOTES}/{other.id}", json={"body": "planted"}).json() == {"message": "403 Forbidden"}
    assert ask("DELETE", f"{NOTES}/{other.id}").status_code == 403
    assert ask("PUT", f"{NOTES}/{other.id}", token=maintainer, json={"body": "planted"}).status_code == 200
    assert ask("PUT", f"{NOTES}/{system.id}", token=maintainer, json={"body": "planted"}).status_code == 403
    assert ask("DELETE", f"{NOTES}/{other.id}", token=maintainer).status_code == 204


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x" * 1_000_001, '400 Bad request - Note {:note=>["is too long (maximum is 1000000 characters)"]}'),
        ("  \n", """400 Bad request - Note {:note=>["can't be blank"]}"""),
    ],
)
def test_a_note_has_at_most_a_million_characters_and_at_least_one(gitlab, change, ask, body, said):
    assert ask("POST", NOTES, json={"body": body}).json() == {"message": said}
    assert ask("POST", NOTES, json={"body": "x" * 1_000_000}).status_code == 201
    assert len(gitlab.notes(1)) == 1


def test_a_thread_can_be_resolved_and_a_note_that_stands_alone_cannot(gitlab, change, ask):
    ask("POST", NOTES, json={"body": "alone"})
    thread = ask("POST", THREADS, json={"body": "first"}).json()
    assert thread["individual_note"] is False
    assert [(note["resolvable"], note["resolved"]) for note in thread["notes"]] == [(True, False)]
    assert ask("POST", f"{THREADS}/{thread['id']}/notes", json={"body": "second"}).status_code == 201

    alone, shown = ask("GET", THREADS).json()

    assert (alone["individual_note"], alone["notes"][0]["resolvable"]) == (True, False)
    assert [note["body"] for note in shown["notes"]] == ["first", "second"]
    resolved = ask("PUT", f"{THREADS}/{thread['id']}", json={"resolved": True}).json()
    assert all(note["resolved"] and note["resolved_by"] for note in resolved["notes"])
    assert not any(note["resolved"] for note in ask("PUT", f"{THREADS}/{thread['id']}?resolved=false").json()["notes"])
    assert ask("PUT", f"{THREADS}/{alone['id']}", json={"resolved": True}).status_code == 403
    assert ask("GET", f"{THREADS}/{'0' * 40}").json() == {"message": "404 Discussion Not Found"}
    assert [[note.body for note in found] for found in gitlab.discussions(1)] == [["first", "second"]]


def test_a_thread_is_resolved_by_developers_and_by_who_proposed_the_change(gitlab, change, ask):
    gitlab.say(1, "worse?", thread=True)
    below = f"{THREADS}/{gitlab.notes(1)[0].discussion}"
    reporter, author = gitlab.token(role="reporter"), gitlab.token(user="contributor", role="reporter")

    assert ask("PUT", below, token=reporter, json={"resolved": True}).json() == {"message": "403 Forbidden"}
    assert ask("PUT", below, token=author, json={"resolved": True}).status_code == 200


def test_a_quick_action_is_a_violation_and_is_taken_out_of_the_note(gitlab, change, ask):
    ask("POST", NOTES, json={"body": "before\n/close\nafter"})

    assert [note.body for note in gitlab.notes(1)] == ["before\nafter"]
    assert "a quick action in a note: '/close'" in gitlab.violations.pop()
    ask("POST", THREADS, json={"body": "/merge"})
    assert len(gitlab.notes(1)) == 1
    assert gitlab.violations.pop()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/approve", ["/approve"]), ("a\n/label ~x", ["/label ~x"]), (" /approve", []), ("see /approve", []),
        ("/etc/passwd", []), ("```\n/approve\n```", []), ("```\nx\n```\n/approve", ["/approve"]),
        ("/Assign @x", ["/Assign @x"]),
    ],
)  # fmt: skip
def test_which_lines_gitlab_would_execute(text, found):
    assert commands_in(text) == found


def test_lists_come_in_pages_of_20_with_links_and_counts(gitlab, change, ask):
    for number in range(45):
        gitlab.say(1, str(number), system=number % 2 == 0)

    first, last = ask("GET", NOTES + "?sort=asc"), ask("GET", NOTES + "?sort=asc&page=3")
    hundred = ask("GET", NOTES + "?per_page=500&order_by=updated_at")

    assert [each["body"] for each in first.json()] == [str(number) for number in range(20)]
    names = ("X-Page", "X-Per-Page", "X-Next-Page", "X-Prev-Page", "X-Total", "X-Total-Pages")
    assert [first.headers[name] for name in names] == ["1", "20", "2", "", "45", "3"]
    assert [last.headers[name] for name in names] == ["3", "20", "", "2", "45", "3"]
    assert (set(first.links), set(last.links)) == ({"next", "first", "last"}, {"prev", "first", "last"})
    second = ask("GET", first.links["next"]["url"])
    assert [second.json()[0]["body"], second.links["next"]["url"]] == ["20", first.links["last"]["url"]]
    assert [len(hundred.json()), hundred.json()[0]["body"], hundred.headers["X-Per-Page"]] == [45, "44", "100"]
    assert len(ask("GET", NOTES + "?activity_filter=only_comments&per_page=100").json()) == 22
    assert [each["body"] for each in ask("GET", NOTES).json()][:2] == ["44", "43"]
    assert ask("GET", NOTES + "?page=9").json() == []


def test_an_installation_below_a_folder_keeps_it_in_every_address(gitlab, change, ask):
    gitlab.say(1, "a")
    gitlab.say(1, "b")

    page = ask("GET", f"{gitlab.relative_url}/projects/group%2Fmodels%2Fchurn{NOTES}?per_page=1")
    project = ask("GET", f"{gitlab.relative_url}/projects/{gitlab.project().id}").json()

    assert page.links["next"]["url"].startswith(f"{gitlab.relative_url}/projects/group%2Fmodels%2Fchurn/")
    assert [each["body"] for each in ask("GET", page.links["next"]["url"]).json()] == ["a"]
    assert project["web_url"] == f"{gitlab.server_url}/gitlab/group/models/churn"
    assert gitlab.requests[0].operation == "GET /merge_requests/{merge_request_iid}/notes"
