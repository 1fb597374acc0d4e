"""The one place that renders a report and puts it where people and machines look: files, job, comment, status."""

from mlci.publish.audience import Audience, Line, Loudness, Said
from mlci.publish.faces import Faces, Format, Write, annotated, publish, remark, shown, summarise
from mlci.publish.posting import post

__all__ = [
    "Audience",
    "Faces",
    "Format",
    "Line",
    "Loudness",
    "Said",
    "Write",
    "annotated",
    "post",
    "publish",
    "remark",
    "shown",
    "summarise",
]
