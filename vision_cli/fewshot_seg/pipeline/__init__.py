"""Inference: supports and pictures in, segmentations out; usable from Python, without a run or a command line."""
