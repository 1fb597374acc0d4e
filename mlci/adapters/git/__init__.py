"""The repository on this machine, and the forge it makes where there is no other."""
