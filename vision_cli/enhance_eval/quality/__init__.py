"""Measures of picture quality: against a reference, against the dark input, and of the picture alone."""
