"""The outside world behind the ports; heavy libraries are imported inside functions here and nowhere else."""
