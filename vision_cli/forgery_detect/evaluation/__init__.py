"""Measures, protocols, audit of shortcuts and robustness of forgery detection."""
