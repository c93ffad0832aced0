"""Inference: heart rates of the faces in a video."""
