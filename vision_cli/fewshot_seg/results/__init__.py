"""Segmentations in the formats of other tools."""
