"""promote and rollback: the ledger decides, the alias follows, and what serves is asked before it is done."""
