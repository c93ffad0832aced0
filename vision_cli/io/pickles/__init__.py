"""Pickles, read as data: nothing that a pickle names is called."""
