"""Pictures of results: sheets of faces."""
