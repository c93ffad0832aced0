"""Training of what is added to a frozen text-to-image model: the adapter of action units, and the annotator."""
