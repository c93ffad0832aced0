"""Points and surfaces: normals, visibility, sampling, smooth deformations, bends."""
