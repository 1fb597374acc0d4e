"""Users, members of projects and groups, and who pushed what."""

from __future__ import annotations

from typing import Any

from forge.exchange import Answer

from gitlab_server import objects
from gitlab_server.exchange import Request, forbidden, gone, not_found, shown
from gitlab_server.routing import PAGES, TEXT, Access, one_of, serves
from gitlab_server.shapes import EVENT, MEMBER, NUMBER, USER, YES, every, having
from gitlab_server.state import Group, Project, State, User

USERS = ("read_user",)


def _all_users(state: State) -> dict[int, User]:
    return {each.id: each for each in state.users.values()}


@serves(
    "GET", "//users", "lib/api/users.rb", Access("", scopes=USERS), query={**PAGES, "username": TEXT, "search": TEXT},
    shape=every(USER),
)  # fmt: skip
def list_users(request: Request) -> Answer:
    """Users; without a user of one's own only by their very name, whose letters may be large or small."""
    wanted = request.params.get("username")
    if request.user is None and not wanted:
        raise forbidden("Not authorized to access /api/v4/users")
    found = [
        each
        for each in _all_users(request.state).values()
        if wanted is None or request.state.names.get(each.id, each.username).casefold() == wanted.casefold()
    ]
    return request.listing([objects.user(request, each) for each in found])


@serves("GET", "//users/{id}", "lib/api/users.rb and lib/api/entities/user.rb", Access("", scopes=USERS),
        shape={"allOf": [USER, having(bot=YES)]})  # fmt: skip
def show_user(request: Request) -> Answer:
    """One user, and whether it is a bot; nobody is told anonymously."""
    if request.user is None:
        raise forbidden("Not authorized!")
    found = request.one_of(_all_users(request.state), "id")
    return shown(objects.user(request, found) | {"bot": found.bot, "created_at": "2026-01-01T00:00:00.000Z"})


def effective(state: State, project: Project, user: int) -> int:
    """The role in a project, also through the groups above it."""
    above = [group.members.get(user, 0) for group in state.groups.values() if f"{project.path}/".startswith(group.path)]
    return max([project.members.get(user, 0), *above])


def _member(request: Request, level: int) -> Answer:
    users = _all_users(request.state)
    text = request.values["user_id"]
    found = users.get(int(text)) if text.isdigit() else None
    if found is None or not level:
        raise gone()
    more = {"access_level": level, "created_at": "2026-01-01T00:00:00.000Z", "expires_at": None}
    return shown(objects.user(request, found) | more | {"membership_state": "active"})


def _number(request: Request) -> int:
    text = request.values["user_id"]
    return int(text) if text.isdigit() else 0


@serves("GET", "/members/all/{user_id}", "lib/api/members.rb", Access("read_project", signed_in=True), shape=MEMBER)
def show_member_of_project(request: Request) -> Answer:
    """A member, be it through a group above the project."""
    return _member(request, effective(request.state, request.project, _number(request)))


def _group(request: Request) -> Group:
    named, user = request.values["id"], request.author
    groups = request.state.groups
    found = next((each for each in groups.values() if named in (str(each.id), each.path)), None)
    if found is None or not (found.visibility == "public" or _sees(request.state, found, user)):
        raise not_found("Group")
    return found


def _sees(state: State, group: Group, user: User) -> bool:
    """A private group is seen by its members, and by those of the groups above and of the projects in it."""
    above = [each for each in state.groups.values() if f"{group.path}/".startswith(f"{each.path}/")]
    within = [each for each in state.projects.values() if each.path.startswith(f"{group.path}/")]
    return any(user.id in each.members for each in above) or any(user.id in each.members for each in within)


@serves(
    "GET", "//groups/{id}", "lib/api/groups.rb", Access("", signed_in=True), shape=having(id=NUMBER, full_path=TEXT)
)
def show_group(request: Request) -> Answer:
    """One group."""
    found = _group(request)
    name = found.path.rsplit("/", 1)[-1]
    shape = {"id": found.id, "name": name, "path": name, "full_path": found.path, "visibility": found.visibility}
    return shown(shape)


@serves("GET", "//groups/{id}/members/{user_id}", "lib/api/members.rb", Access("", signed_in=True), shape=MEMBER)
def show_member_of_group(request: Request) -> Answer:
    """A member of the group itself."""
    return _member(request, _group(request).members.get(_number(request), 0))


@serves("GET", "//groups/{id}/members/all/{user_id}", "lib/api/members.rb", Access("", signed_in=True), shape=MEMBER)
def show_any_member_of_group(request: Request) -> Answer:
    """A member of the group, or of one above it."""
    group, user = _group(request), _number(request)
    above = [each for each in request.state.groups.values() if f"{group.path}/".startswith(f"{each.path}/")]
    return _member(request, max(each.members.get(user, 0) for each in above))


@serves(
    "GET", "/events", "lib/api/project_events.rb and lib/api/entities/event.rb", Access("read_code"),
    query={**PAGES, "action": one_of("pushed", "created", "merged"), "target_type": TEXT, "before": TEXT,
           "after": TEXT, "sort": one_of("asc", "desc")}, shape=every(EVENT),
)  # fmt: skip
def list_events(request: Request) -> Answer:
    """What happened in a project, newest first; of all that only pushes are known here."""
    pushes = list(request.project.pushes) if request.params.get("action", "pushed") == "pushed" else []
    pushes.sort(key=lambda each: each.id, reverse=request.params.get("sort", "desc") == "desc")
    page, headers = request.page(pushes)
    listed = []
    for each in page:
        new = each.before is None
        payload: dict[str, Any] = {
            "commit_count": 1, "action": "created" if new else "pushed", "ref_type": "branch",
            "commit_from": each.before, "commit_to": each.after, "ref": each.ref, "commit_title": "change",
            "ref_count": None if each.ref else 4,
        }  # fmt: skip
        listed.append({
            "id": each.id, "project_id": request.project.id, "action_name": "pushed new" if new else "pushed to",
            "target_id": None, "target_iid": None, "target_type": None, "target_title": None,
            "author_id": each.user.id, "author": objects.user(request, each.user), "created_at": each.created_at,
            "author_username": request.state.names.get(each.user.id, each.user.username), "push_data": payload,
        })  # fmt: skip
    return shown(listed, headers=headers)
