"""Faces with a known pulse."""
