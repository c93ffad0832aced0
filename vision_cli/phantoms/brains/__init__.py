"""Heads, hearts and label maps with known deformations, for registration."""
