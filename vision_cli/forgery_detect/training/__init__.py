"""Training of the detectors."""
