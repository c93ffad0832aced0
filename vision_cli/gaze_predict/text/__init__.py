"""Sentences of reports as rows of a vocabulary."""
