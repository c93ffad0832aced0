"""Images and label maps of two or three axes, with their place in space."""
