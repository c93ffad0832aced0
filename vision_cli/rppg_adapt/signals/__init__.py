"""Pulse waves: spectra, methods without training, heart rate variability, quality."""
