"""Semantic guidance: the text or the latents of a sample moved so that a recogniser sees the expression asked for."""
