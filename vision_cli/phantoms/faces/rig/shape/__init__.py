"""The head and its parts as triangles: at rest, of a person, and moved."""
