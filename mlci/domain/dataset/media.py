"""What is known of a file, or of a line, of a dataset that is no table: the columns of its table of facts."""

from __future__ import annotations

# What makes the content of a file or text, where a table of facts is compared with another.
CONTENT = ("digest",)
