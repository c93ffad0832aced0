"""Faces from text by our own denoising loop."""
