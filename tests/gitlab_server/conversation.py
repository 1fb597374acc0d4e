"""Notes and threads of merge requests."""

from __future__ import annotations

import re
import secrets
from typing import Any

from forge.exchange import Answer

from gitlab_server import objects
from gitlab_server.exchange import Request, bad_request, forbidden, gone, invalid, not_found, shown
from gitlab_server.routing import PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import DISCUSSION, NOTE, every
from gitlab_server.state import ROLES, Note

NOTES = "/merge_requests/{merge_request_iid}/notes"
THREADS = "/merge_requests/{merge_request_iid}/discussions"
LONGEST = 1_000_000
ADMIN = ROLES["maintainer"]

# lib/api/notes.rb: a job's token may read notes, and never write one; lib/api/discussions.rb: it may do nothing here.
READ = Access("read_merge_request", signed_in=True, job_token=True)
WRITE = Access("create_note", signed_in=True)
THREAD = Access("read_merge_request", signed_in=True)

# https://docs.gitlab.com/user/project/quick_actions/, those that a merge request takes.
COMMANDS = frozenset({
    "add_contacts", "approve", "assign", "assign_reviewer", "award", "cc", "checkin_reminder", "clear_weight",
    "close", "confidential", "convert_to_ticket", "copy_metadata", "create_merge_request", "done", "draft", "due",
    "duplicate", "epic", "estimate", "estimate_time", "health_status", "iteration", "label", "labels", "link", "lock",
    "merge", "milestone", "move", "page", "parent", "promote", "publish", "q", "react", "ready", "reassign",
    "reassign_reviewer", "rebase", "relabel", "relate", "remove_due_date", "remove_epic", "remove_estimate",
    "remove_iteration", "remove_label", "remove_milestone", "remove_parent", "remove_reviewer", "remove_time_spent",
    "remove_time_estimate", "reopen", "request_changes", "request_review", "reset", "shrug", "spend", "spend_time",
    "spent", "ship", "submit_review", "subscribe", "summarize_diff", "tableflip", "tag", "target_branch", "timeline",
    "title", "todo", "unapprove", "unassign", "unassign_reviewer", "unlabel", "unlink", "unlock", "unsubscribe",
    "weight", "wip", "zoom",
})  # fmt: skip


def commands_in(text: str) -> list[str]:
    """Lines that GitLab would execute: a command at the beginning of a line, outside of a fenced block."""
    found, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        word = re.match(r"/(\w+)", line)
        if word and not fenced and word[1].casefold() in COMMANDS:
            found.append(line)
    return found


def _checked(request: Request, body: str) -> str:
    """The text that a note is left with; GitLab takes the commands out of it and does what they say.

    Raises:
        Refused: nothing is left, or it is too long.
    """
    commands = commands_in(body)
    if commands:
        request.violations.append(
            f"request {request.method} {request.template}: a quick action in a note: {commands[0]!r}"
        )
        body = "\n".join(line for line in body.splitlines() if line not in commands)
    if not body.strip():
        raise bad_request("""Note {:note=>["can't be blank"]}""")
    if len(body) > LONGEST:
        raise bad_request(f'Note {{:note=>["is too long (maximum is {LONGEST} characters)"]}}')
    return body


def _notes(request: Request) -> list[Note]:
    number = request.merge_request.iid
    return [each for each in request.project.notes.values() if each.merge_request == number]


def _the_note(request: Request) -> Note:
    return request.one_of({each.id: each for each in _notes(request)}, "note_id")


def _new(request: Request, body: str, discussion: str, kind: str | None) -> Note:
    now = request.state.now()
    made = Note(
        request.state.next_id(), request.merge_request.iid, _checked(request, body), request.author, discussion, kind,
        now, now,
    )  # fmt: skip
    request.project.notes[made.id] = made
    return made


def _may_change(request: Request, found: Note) -> None:
    """Authors may, and whoever maintains the project; nobody may change what GitLab wrote (note_policy.rb)."""
    own = found.author == request.user
    if found.system or not (own or request.level >= ADMIN):
        raise forbidden()


@serves(
    "GET", NOTES, "lib/api/notes.rb", READ, shape=every(NOTE),
    query={**PAGES, "sort": one_of("asc", "desc"), "order_by": one_of("created_at", "updated_at"),
           "activity_filter": one_of("all_notes", "only_comments", "only_activity")},
)  # fmt: skip
def list_notes(request: Request) -> Answer:
    """Notes and those of threads, newest first unless told otherwise."""
    wanted = request.params.get("activity_filter", "all_notes")
    kept = {"only_comments": (False,), "only_activity": (True,)}.get(wanted, (True, False))
    found = [each for each in _notes(request) if each.system in kept]
    order = request.params.get("order_by", "created_at")
    found.sort(key=lambda each: (getattr(each, order), each.id), reverse=request.params.get("sort", "desc") == "desc")
    return request.listing([objects.note(request, each) for each in found])


@serves("GET", NOTES + "/{note_id}", "lib/api/notes.rb", READ, shape=NOTE)
def show_note(request: Request) -> Answer:
    """One note."""
    return shown(objects.note(request, _the_note(request)))


@serves("POST", NOTES, "lib/api/notes.rb", WRITE, body={"body": TEXT, "internal": YES}, required=("body",), shape=NOTE)
def add_note(request: Request) -> Answer:
    """Add a note of its own."""
    made = _new(request, request.params["body"], secrets.token_hex(20), None)
    return shown(objects.note(request, made), 201)


@serves("PUT", NOTES + "/{note_id}", "lib/api/notes.rb", WRITE, body={"body": TEXT}, shape=NOTE)
def edit_note(request: Request) -> Answer:
    """Replace the text of a note."""
    found = _the_note(request)
    _may_change(request, found)
    if "body" in request.params:
        if not request.params["body"].strip():
            raise invalid("body is empty")
        found.body = _checked(request, request.params["body"])
        found.updated_at = request.state.now()
    return shown(objects.note(request, found))


@serves("DELETE", NOTES + "/{note_id}", "lib/api/notes.rb", WRITE)
def remove_note(request: Request) -> Answer:
    """Remove a note."""
    found = _the_note(request)
    _may_change(request, found)
    del request.project.notes[found.id]
    return Answer(204)


def discussion(request: Request, key: str) -> dict[str, Any]:
    """A thread, or a note that stands alone."""
    notes = [each for each in _notes(request) if each.discussion == key]
    if not notes:
        raise not_found("Discussion")
    return {
        "id": key,
        "individual_note": notes[0].type is None,
        "notes": [objects.note(request, each) for each in notes],
    }


@serves("GET", THREADS, "lib/api/discussions.rb", THREAD, query=PAGES, shape=every(DISCUSSION))
def list_discussions(request: Request) -> Answer:
    """Threads and notes that stand alone, oldest first."""
    keys = list(dict.fromkeys(each.discussion for each in _notes(request)))
    page, headers = request.page(keys)
    return shown([discussion(request, key) for key in page], headers=headers)


@serves("GET", THREADS + "/{discussion_id}", "lib/api/discussions.rb", THREAD, shape=DISCUSSION)
def show_discussion(request: Request) -> Answer:
    """One thread."""
    request.merge_request  # noqa: B018 - a merge request that is not there comes first
    return shown(discussion(request, request.values["discussion_id"]))


@serves("POST", THREADS, "lib/api/discussions.rb", WRITE, body={"body": TEXT}, required=("body",), shape=DISCUSSION)
def add_discussion(request: Request) -> Answer:
    """Begin a thread."""
    made = _new(request, request.params["body"], secrets.token_hex(20), "DiscussionNote")
    return shown(discussion(request, made.discussion), 201)


@serves(
    "POST", THREADS + "/{discussion_id}/notes", "lib/api/discussions.rb", WRITE, body={"body": TEXT},
    required=("body",), shape=NOTE,
)  # fmt: skip
def add_reply(request: Request) -> Answer:
    """Add a note to a thread; one that stood alone becomes a thread by it."""
    key = request.values["discussion_id"]
    before = [each for each in _notes(request) if each.discussion == key]
    if not before:
        raise not_found("Discussion")
    for each in before:
        each.type = "DiscussionNote"
    return shown(objects.note(request, _new(request, request.params["body"], key, "DiscussionNote")), 201)


@serves(
    "PUT", THREADS + "/{discussion_id}", "lib/api/discussions.rb", THREAD, body={"resolved": YES},
    required=("resolved",), shape=DISCUSSION,
)  # fmt: skip
def resolve_discussion(request: Request) -> Answer:
    """Resolve a thread or open it again: developers may, and whoever proposed the change."""
    key = request.values["discussion_id"]
    notes = [each for each in _notes(request) if each.discussion == key]
    if not notes:
        raise gone()
    may = request.level >= ROLES["developer"] or request.user == request.merge_request.author
    if not notes[0].resolvable or not may:
        raise forbidden()
    resolved = request.params["resolved"]
    for each in notes:
        each.resolved_by = request.author if resolved else None
        each.resolved_at = request.state.now() if resolved else None
    return shown(discussion(request, key))
