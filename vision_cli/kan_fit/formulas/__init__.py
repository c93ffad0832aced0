"""Formulas: parsed from text, found in data or in a fitted network, simplified, exported."""
