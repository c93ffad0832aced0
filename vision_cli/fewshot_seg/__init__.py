"""Segment a new class from one to five annotated pictures (TAVP, arXiv:2409.05393)."""
