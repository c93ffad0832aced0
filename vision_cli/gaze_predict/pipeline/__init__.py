"""Inference: films and sentences in, densities and scan paths out; knows no run and no training."""
