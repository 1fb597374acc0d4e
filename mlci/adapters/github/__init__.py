"""GitHub and GitHub Enterprise Server: what a run is about, what their REST API keeps, their workflow files."""
