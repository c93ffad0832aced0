"""Measures of a registration, the protocol of a data set, the ablation, the benchmark."""
