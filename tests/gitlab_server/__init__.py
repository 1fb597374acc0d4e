"""A GitLab on the loopback, held to GitLab's published description (15.0) and to tables of our own beside it.

Every request and every answer is checked by openapi-core against ``gitlab-15.0.openapi.yml`` (its folder is named by
MLCI_SPECS). That description is old and says nothing of many bodies, so each operation also has a table: parameters
that it takes, and the shape of its answer, with the file of GitLab's source that they were read from. An unknown or
missing parameter, a path that GitLab or the loopback does not have, a quick action in a note, a token in an address
and a token at the object store are violations. The fixture fails the test where there is one.

    def test_something(gitlab):
        project = gitlab.add_project(files={"mlci.yml": "model: churn\\n"})  # group/models/churn, private, branch main
        gitlab.add_project("stranger/churn", fork_of="group/models/churn")   # visibility="public", and any setting
        sha = gitlab.commit({"train.py": "…"}, "feature")                    # None removes; Symlink; any name
        change = gitlab.open_merge_request("feature", title="A change")      # fork="stranger/churn"
        token = gitlab.token()                                # the project's, api, developer; also scopes, role, user=
        pipeline = gitlab.add_pipeline(merge_request=change)  # event="merged_result" or "merge_train", in_parent=True
        pipeline = gitlab.add_pipeline("schedule", "main")    # status="failed" holds whatever its jobs come to
        job = gitlab.add_job(pipeline, "model-ci")            # running; status=, artifacts={"a": b"…"}, expired=True
        environment = gitlab.environ(job, token=token)        # relative=True, secure=True; CI_JOB_TOKEN lives till
        gitlab.finish(job, artifacts={"mlci-keep/x": b"1"})   # the job ends
        assert gitlab.merge(change.iid)[0] == 405             # or 200, and it is merged in git
        gitlab.notes(1); gitlab.discussions(1); gitlab.statuses(sha); gitlab.detailed_status(1); gitlab.head_pipeline(1)
        gitlab.say(1, "hello", thread=True)                   # by somebody else
        gitlab.protect("main", push=None, merge="developer")
        gitlab.approve(1, "bob"); gitlab.request_changes(1, "bob"); gitlab.edit(note, "…"); gitlab.rename("bob", "rob")
        gitlab.commit({…}, "feature", by="dave", pushed_by="bob")           # whose address, and who pushed
        gitlab.email("dave"); gitlab.add_group("group/risk", {"bob": "developer"})
        gitlab.play(job, "bob"); gitlab.approve_deployment(gitlab.deploy(job, "production"), "bob")
        gitlab.requests; gitlab.asked("POST /statuses/{sha}"); gitlab.downloads
        gitlab.fault("POST", "/notes$", drop="after")         # the note is there, the answer is lost
        gitlab.rate_limit("GET", retry_after=1); gitlab.application_limit("POST", "/notes")
        gitlab.violations.clear()                             # a test that broke the contract on purpose

``gitlab.url`` is the API, ``gitlab.relative_url`` the same of an installation below a folder of its host,
``gitlab.secure.url`` the same over TLS with an authority of its own (``gitlab.secure.ca_file``). Archives are
downloaded from an object store on another host unless ``gitlab.redirect_artifacts(to_object_store=False)``.

Who may do what is taken from GitLab's source: roles, scopes, job tokens (which most operations do not look at, so that
they are as good as none), protected branches, hidden projects. Commit statuses follow the states of GitLab's own
machine, and count in their pipeline; a merge request goes by the pipeline that GitLab would go by.

The project's repository is served over HTTP by git's own program, ``gitlab.server_url/group/models/churn.git``: tokens,
roles and protected branches count for fetches and pushes as they do for the rest. What a push is given with ``-o`` is
in the file ``push-options`` of the repository.

Further operations: a module that registers them with ``gitlab_server.routing.serves`` and is imported before a GitLab
is made; what they remember fits into ``project.extras``.
"""
