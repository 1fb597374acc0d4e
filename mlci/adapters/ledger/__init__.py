"""The ledger of decisions on a branch of its own: in a local repository, pushed to a forge, or by GitHub's API."""
