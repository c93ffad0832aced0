"""Pictures of scans and their scores."""
