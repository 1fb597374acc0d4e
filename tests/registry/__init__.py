"""Registries of models that tests run against."""
