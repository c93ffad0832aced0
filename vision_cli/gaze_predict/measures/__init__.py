"""Measures of gaze on arrays: maps, scan paths and their points."""
