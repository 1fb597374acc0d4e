"""Serving a model, and seeing whether what serves it has followed the stage."""
