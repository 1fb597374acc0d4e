"""GitLab, on gitlab.com or self-managed: what a pipeline is about, and what its REST API keeps."""
