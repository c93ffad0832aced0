"""Formulas: read from text, found in data or in a fitted network, exported."""
