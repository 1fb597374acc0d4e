"""The fixture ``act``: a real workflow engine against the loopback GitHub."""

from acting import act, staged_tree  # noqa: F401 - fixtures are found by their names
