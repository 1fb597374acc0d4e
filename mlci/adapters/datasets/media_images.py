"""Facts of an image: what it says of itself, and whether all of it can be read. Nothing of it is ever run."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

from mlci.adapters.oneline import one_line
from mlci.errors import ExtraMissing

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
# By name, because others start programs (EPS) or reach for further files.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# What a picture of a dataset may take: bytes of its file, and pixels when it is unpacked.
LARGEST_FILE = 256 << 20
MOST_PIXELS = 100_000_000


def needed() -> None:
    """Have what reads images.

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ExtraMissing("checking images needs Pillow", help='pip install "mlci[media]"') from error
    # A picture above the limit is found by its head and never unpacked, so the library's own warning says nothing new.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def facts_of_image(place: str) -> dict[str, Any]:
    """One row of facts, but for path and label.

    ``content`` is a digest of the pixels, so that the same picture in another file is the same content; of a picture
    that cannot be read it is the digest of the file.
    """
    size = Path(place).stat().st_size
    if size > LARGEST_FILE:
        return _unread(size, f"large:{place}", f"the file is larger than {LARGEST_FILE >> 20} MB")
    raw = Path(place).read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    facts: dict[str, Any] = {"bytes": size, "digest": digest, "content": digest, "readable": False}
    if not raw:
        return {**facts, "trouble": "the file is empty"}
    try:
        return {**facts, **_looked_at(raw)}
    except Exception as error:  # noqa: BLE001 - a decoder fed with hostile bytes may raise anything
        return {**facts, "trouble": one_line(_why(error), 120)}


def _unread(size: int, named: str, trouble: str) -> dict[str, Any]:
    digest = hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()
    return {"bytes": size, "digest": digest, "content": digest, "readable": False, "trouble": trouble}


def _looked_at(raw: bytes) -> dict[str, Any]:
    from PIL import Image

    with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
        said = {"format": image.format, "mode": image.mode, "width": image.width, "height": image.height}
        if image.width * image.height > MOST_PIXELS:
            return {**said, "trouble": f"it unpacks to more than {MOST_PIXELS:,} pixels"}
        image.verify()
    # A picture that was verified is used up; checksums of some formats are looked at there, data of others here only.
    with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
        image.load()
        pixels = hashlib.sha256(f"{image.mode} {image.width} {image.height}\n".encode())
        if image.palette is not None:
            pixels.update(image.palette.getdata()[1])
        pixels.update(image.tobytes())
    return {**said, "readable": True, "content": pixels.hexdigest()}


def _why(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is no image that is known"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"it unpacks to more than {MOST_PIXELS:,} pixels"
    return str(error) or type(error).__name__
