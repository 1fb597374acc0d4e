"""A dataset: what it must look like, what was measured of it, what it is like, and which one it is."""
