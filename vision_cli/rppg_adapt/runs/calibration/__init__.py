"""Fits of the probabilities that are shipped: of rates, of whole records, of beats."""
