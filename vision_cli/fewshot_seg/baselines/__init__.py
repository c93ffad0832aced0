"""Baselines that people use without a trained network; none of them chooses among masks."""
