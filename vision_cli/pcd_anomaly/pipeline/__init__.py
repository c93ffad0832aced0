"""Inference: from a scan to scores of its points; no training."""
