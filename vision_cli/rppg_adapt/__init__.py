"""Measure the pulse from a video of a face, and adapt to a new camera without labels (SFDA-rPPG, arXiv:2409.12040)."""
