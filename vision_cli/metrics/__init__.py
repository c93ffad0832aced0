"""Measures that two tasks or more use."""
