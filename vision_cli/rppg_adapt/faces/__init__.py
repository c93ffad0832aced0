"""Clips of the faces in a video: crops and mean colours of the skin."""
