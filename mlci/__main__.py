"""``python -m mlci``, for an interpreter whose scripts are not on PATH."""

from mlci.cli.main import main

main()
