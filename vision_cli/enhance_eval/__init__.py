"""Measure what low-light enhancement does to human eyes and to machine vision (arXiv:2409.14461)."""
