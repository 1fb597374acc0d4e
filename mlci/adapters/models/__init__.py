"""Models on this machine: made, found, digested, handed over, scored, and what they were made from."""
