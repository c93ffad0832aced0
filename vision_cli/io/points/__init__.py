"""Point clouds and meshes."""
