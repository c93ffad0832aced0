"""Measures, baselines, ablation, and poses beside their ground truth."""
