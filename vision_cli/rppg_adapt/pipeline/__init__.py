"""Inference: from a video to heart rates."""
