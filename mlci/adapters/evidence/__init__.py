"""Evidence read as a stranger's file: strict types, bounded sizes, numbers that agree."""
