"""Stand-ins for the world that pass the same contract tests as the adapters; for tests of pipelines, ours and yours."""
