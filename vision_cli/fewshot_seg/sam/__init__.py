"""Checkpoints of Segment Anything."""
