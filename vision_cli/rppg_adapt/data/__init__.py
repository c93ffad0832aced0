"""The cache of a data set, and readers of layouts, labels and traces."""
