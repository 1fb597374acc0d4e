"""GitHub's set-ups: workflows, the rules of a branch, and what each of them is worth."""
