"""What a user sees of mlci: commands, parameters, outputs and exits, declared once and generated everywhere else."""
