"""Devices, weights, training, benchmarks and their baselines."""
