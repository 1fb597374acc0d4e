"""``python -m mlci``, for interpreters whose scripts are not on the path."""

from mlci.cli.main import main

main()
