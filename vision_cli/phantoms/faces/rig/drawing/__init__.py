"""From triangles to pixels: what is seen where, what it is painted with, light, and the camera."""
