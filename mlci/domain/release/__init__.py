"""Releasing a model: who agrees, what is decided, and the record of both."""
