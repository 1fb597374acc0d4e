"""mlci.yml: what may stand in it, how it is read, and where each effective value comes from."""
