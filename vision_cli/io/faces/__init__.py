"""Faces in pictures and videos: detection in a single picture, tracking through a video."""
