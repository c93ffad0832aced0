"""Readers of data-set layouts, and generated data sets."""
