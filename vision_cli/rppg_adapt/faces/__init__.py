"""Faces in videos: detection, crops, clips."""
