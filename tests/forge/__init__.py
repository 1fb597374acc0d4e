"""A GitHub on the loopback, held to GitHub's published OpenAPI description in both directions.

Every request and every answer is checked by openapi-core against ``github-api.openapi.json.gz`` (its folder is named
by MLCI_SPECS); unknown body keys, unknown query parameters, undocumented statuses, paths that GitHub or the loopback
does not have, and a credential at the blob store are violations too. The fixture fails the test where there is one.

    def test_something(github):
        github.add_repository(files={"mlci.yml": "model: churn\\n"})      # owner/repository, private, branch main
        github.add_repository("stranger/repository", fork_of="owner/repository")
        sha = github.commit({"train.py": "…"}, "feature")                 # None removes; Symlink, Submodule; any name
        pull = github.open_pull_request("feature", title="A change")      # fork="stranger/repository"
        token = github.token(permissions={"contents": "read", "pull-requests": "write"})   # the workflow's token
        person = github.token("maintainer", role="admin")                 # a person's token
        github.protect("main", ["gate"])            # kind="classic", merge_queue=True, {"gate": 15368}, rules=[…]
        github.job_result(sha, "gate", "failure")
        assert github.merge(pull.number)[0] == 405
        github.comments(1); github.statuses(sha); github.checks(sha); github.pull(1)
        github.requests; github.asked("POST /statuses/{sha}"); github.used(token)   # {"statuses": "write", …}
        run = github.add_run(branch="main")         # or pull=…, event=…, head_repository=…, conclusion=None
        github.put_artifact(run, "mlci-gate", {"gate.json": b"{}"})       # or raw bytes, expired=, digest=, size=
        github.fault("POST", "/comments$", drop="after")                  # the comment is there, the answer is lost
        github.fault("GET", "", status=502, times=3)                      # drop="before", delay=, truncate=, skip=
        github.secondary_limit("POST", retry_after=1)
        group = github.enqueue(1); github.dequeue(group)                  # merge queue: None, or why not
        github.violations.clear()                                         # a test that broke the contract on purpose

``github.url`` is the API, ``github.enterprise_url`` the same with the prefix of an enterprise server,
``github.server_url`` the pages. Repositories are private unless told otherwise, so that every permission counts: a
token without the permission gets 403 with X-Accepted-GitHub-Permissions, one that does not reach the repository 404,
an unknown one 401, and the workflow's token 403 for GET /user.

Who answers what. ``github`` is the own layer alone, which reads commits, files and comparisons from a real git
repository and shapes every answer after the description's schemas. ``two_githubs`` has emulate (npm, other makers)
behind it; where it has the operation both are asked and have to agree.

    operation                                       own layer             emulate (two_githubs)
    issue comments: list, add, show, edit, remove   yes, with authors     also: text, order, pages, numbers
    check runs: add, edit, show, of a commit        yes, with apps        also, unless asked by app
    merging, with required contexts                 yes                   also; emulated.py says what it cannot judge
    contents at a commit, compare                   real git              also: rebuilt there, all hashes have to agree
    commits, refs, trees, files, archives           real git              no: only read through the two above
    commit statuses, combined status                yes                   no: not there
    pull requests: list, show, files, of a commit   real git              no: its heads never move, no test merge
    rulesets and rules of a branch                  yes                   no: not there
    branches and classic protection                 yes                   no: its answers break the description
    artifacts, their download, workflow runs        yes                   no: nothing can be put in
    merge queue                                     enqueue(), dequeue()  no: not there
    user, collaborators, permissions of tokens      yes                   no: every token may do everything
"""
