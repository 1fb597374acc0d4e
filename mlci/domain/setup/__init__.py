"""Whether a set-up holds a worse model back: facts about a repository, and what each of them is worth."""
