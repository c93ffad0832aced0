"""Labelled facial-expression images under text and action-unit control (SynFER, arXiv:2410.09865)."""
