"""Training of MFCLIP and of its baselines."""
