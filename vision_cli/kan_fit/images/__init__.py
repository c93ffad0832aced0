"""Image classification: data, splits, training, selection, models and their files."""
