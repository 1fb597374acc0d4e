"""The command line: a click tree built from the catalogue, and the one place that exits."""
