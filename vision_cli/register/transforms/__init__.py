"""Grids, dense fields, transforms in physical space, and the files that ITK reads."""
