"""GitLab's set-ups: a pipeline, the settings of its project, and what each of them is worth."""
