"""What GitLab's objects have in an answer, as far as the published description lacks it.

From lib/api/entities of GitLab's source; a name of a file there stands beside each shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
SHA: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"}


def maybe(schema: Mapping[str, Any]) -> Schema:
    """Null, or that."""
    return {**schema, "nullable": True}


def every(schema: Mapping[str, Any]) -> Schema:
    """A list of that."""
    return {"type": "array", "items": dict(schema)}


def having(**fields: Mapping[str, Any]) -> Schema:
    """An object with all these, and maybe more."""
    return {
        "type": "object",
        "required": sorted(fields),
        "properties": {name: dict(each) for name, each in fields.items()},
    }


STATES = {"type": "string", "enum": ["created", "waiting_for_resource", "preparing", "pending", "running", "success",
          "failed", "canceling", "canceled", "skipped", "manual", "scheduled"]}  # fmt: skip

# user_basic.rb
USER = having(id=NUMBER, username=TEXT, name=TEXT, state=TEXT, avatar_url=maybe(TEXT), web_url=TEXT)
# note.rb
NOTE = having(
    id=NUMBER, type=maybe(TEXT), body=TEXT, author=USER, created_at=TIME, updated_at=TIME, system=YES,
    noteable_id=NUMBER, noteable_type=TEXT, noteable_iid=NUMBER, project_id=NUMBER, resolvable=YES, internal=YES,
)  # fmt: skip
# discussion.rb
DISCUSSION = having(id=SHA, individual_note=YES, notes=every(NOTE))
# ci/pipeline_basic.rb
PIPELINE = having(
    id=NUMBER, iid=NUMBER, project_id=NUMBER, sha=SHA, ref=TEXT, status=STATES, source=TEXT, created_at=TIME,
    updated_at=TIME, web_url=TEXT,
)  # fmt: skip
# ci/job_artifact_file.rb and ci/job_artifact.rb
FILE = having(filename=TEXT, size=NUMBER)
ARTIFACT = having(file_type=TEXT, size=NUMBER, filename=TEXT, file_format=maybe(TEXT))
# ci/job.rb
JOB = having(
    id=NUMBER, status=STATES, stage=TEXT, name=TEXT, ref=TEXT, tag=YES, allow_failure=YES, created_at=TIME,
    started_at=maybe(TIME), finished_at=maybe(TIME), pipeline=PIPELINE, web_url=TEXT, artifacts=every(ARTIFACT),
    artifacts_expire_at=maybe(TIME), user=USER,
)  # fmt: skip
JOB["properties"]["artifacts_file"] = FILE
# commit_status.rb
STATUS = having(
    id=NUMBER, sha=SHA, ref=TEXT, status=STATES, name=TEXT, target_url=maybe(TEXT), description=maybe(TEXT),
    created_at=TIME, allow_failure=YES, pipeline_id=NUMBER, author=USER,
)  # fmt: skip
# commit.rb
COMMIT = having(id=SHA, short_id=TEXT, title=TEXT, message=TEXT, parent_ids=every(SHA), web_url=TEXT)
# branch.rb
BRANCH = having(name=TEXT, commit=COMMIT, merged=YES, protected=YES, default=YES, can_push=YES, web_url=TEXT)
# merge_request_basic.rb and merge_request.rb
CHANGE = having(
    id=NUMBER, iid=NUMBER, project_id=NUMBER, title=TEXT, target_branch=TEXT, source_branch=TEXT,
    source_project_id=NUMBER, target_project_id=NUMBER, author=USER, draft=YES, merge_status=TEXT,
    detailed_merge_status=TEXT, sha=SHA, merge_commit_sha=maybe(SHA), has_conflicts=YES, web_url=TEXT,
    blocking_discussions_resolved=YES, state={"type": "string", "enum": ["opened", "merged", "closed"]},
)  # fmt: skip
WHOLE_CHANGE = having(
    head_pipeline=maybe(PIPELINE),
    diff_refs=having(base_sha=SHA, head_sha=SHA, start_sha=SHA),
    user=having(can_merge=YES),
)
# ee/lib/ee/api/entities/approval_settings.rb
APPROVALS = having(
    approvals_before_merge=NUMBER, reset_approvals_on_push=YES, disable_overriding_approvers_per_merge_request=YES,
    merge_requests_author_approval=YES, merge_requests_disable_committers_approval=YES, require_password_to_approve=YES,
)  # fmt: skip
# protected_branch.rb and protected_ref_access.rb
ROLE = having(access_level=NUMBER, access_level_description=TEXT)
PROTECTED = having(
    id=NUMBER, name=TEXT, push_access_levels=every(ROLE), merge_access_levels=every(ROLE), allow_force_push=YES
)
# personal_access_token.rb
TOKEN = having(
    id=NUMBER, name=TEXT, revoked=YES, created_at=TIME, scopes=every(TEXT), user_id=NUMBER, active=YES,
    expires_at=maybe(TEXT), last_used_at=maybe(TIME),
)  # fmt: skip
# ci/lint/result.rb
LINT = having(valid=YES, errors=every(TEXT), warnings=every(TEXT), merged_yaml=maybe(TEXT), includes=every({}))
# merge_request_approvals.rb and approvals.rb
MR_APPROVALS = having(approved=YES, approved_by=every(having(user=USER)), user_has_approved=YES)
# merge_request_reviewer.rb
REVIEWER = having(user=USER, state=TEXT, created_at=TIME)
# merge_request_diff.rb
VERSION = having(
    id=NUMBER, head_commit_sha=maybe(SHA), base_commit_sha=maybe(SHA), start_commit_sha=maybe(SHA), created_at=TIME,
    merge_request_id=NUMBER, state=TEXT, real_size=TEXT,
)  # fmt: skip
# member.rb
MEMBER = having(id=NUMBER, username=TEXT, state=TEXT, access_level=NUMBER, created_at=TIME, expires_at=maybe(TEXT))
# event.rb and push_event_payload.rb
EVENT = having(
    id=NUMBER, project_id=NUMBER, action_name=TEXT, author_id=NUMBER, author=USER, created_at=TIME,
    author_username=TEXT,
    push_data=having(commit_count=NUMBER, action=TEXT, ref_type=TEXT, commit_from=maybe(SHA), commit_to=maybe(SHA),
                     ref=maybe(TEXT), ref_count=maybe(NUMBER)),
)  # fmt: skip
# deployment.rb and environment_basic.rb
DEPLOYMENT = having(
    id=NUMBER, iid=NUMBER, ref=TEXT, sha=SHA, created_at=TIME, updated_at=TIME, user=USER, status=TEXT,
    environment=having(id=NUMBER, name=TEXT, external_url=maybe(TEXT)), deployable=maybe(having(id=NUMBER)),
)  # fmt: skip
