"""mlci: CI/CD for machine-learning models."""

__version__ = "0.1.0"

# The one place that names where the project lives: schemas and predicate types hang below it.
REPOSITORY = "https://github.com/mlci/mlci"
