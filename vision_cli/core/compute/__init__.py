"""Devices, weights, training, and the comparison with others."""
