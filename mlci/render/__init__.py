"""Every face of a report: terminal, Markdown, HTML, JUnit, annotations, JSON. Pure: no input or output, no clock."""
