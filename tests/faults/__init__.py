"""Faults of the chain: killed, interrupted, with a full disk, and handed what is not what it should be."""
