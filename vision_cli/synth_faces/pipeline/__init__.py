"""Inference: from what is wanted to a picture with its truth, and from a picture to what recognisers say of it."""
