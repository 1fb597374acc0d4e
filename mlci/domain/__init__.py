"""What mlci decides and what it says: frozen dataclasses and pure functions, standard library only."""
