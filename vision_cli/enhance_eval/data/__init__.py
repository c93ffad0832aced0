"""Samples: readers of data sets, the generated one, classes, crops."""
