"""The fixtures ``local``, a real runner of GitLab pipelines, and ``lab``, the same against the loopback GitLab."""

from labs import lab, local  # noqa: F401 - fixtures are found by their names
