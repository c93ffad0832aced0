"""Inference: from a pair of images to a registration."""
