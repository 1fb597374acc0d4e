"""Checks of the code: found, run side by side, and read."""
