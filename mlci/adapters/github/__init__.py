"""GitHub and GitHub Enterprise Server: what a run is about, and what their REST API keeps."""
