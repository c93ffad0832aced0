"""Coherence of the colour channels in quiet regions, and a linear detector of it."""
