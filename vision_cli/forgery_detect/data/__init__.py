"""Readers of data sets of real and forged faces."""
