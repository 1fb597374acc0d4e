"""The user's own commands: what they are started in, and how they are watched, bounded and ended."""
