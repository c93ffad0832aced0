"""Supervised training, its losses, and the calibration of the quality index."""
