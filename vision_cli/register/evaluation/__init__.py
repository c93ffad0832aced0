"""Measures of a registration, protocol of a data set, ablation and benchmark."""
