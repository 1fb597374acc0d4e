"""Files of models looked through for code that loading them would run; nothing is loaded, nothing is imported.

``scan(path)`` gives a :class:`mlci.domain.scanning.scan.Scan`: clean, unsafe or unknown, with what was seen and where.
"""

from mlci.adapters.scanning.looking import scan

__all__ = ["scan"]
