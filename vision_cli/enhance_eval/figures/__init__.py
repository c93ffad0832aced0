"""Pictures of a run: quality against task, methods by conditions, contact sheets."""
