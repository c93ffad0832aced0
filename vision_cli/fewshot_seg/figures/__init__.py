"""Pictures of segmentations."""
