"""Data sets of real and forged faces: their layouts, manifests, leaks between parts, and copies of equal history."""
