"""Fitting of tables: selection, optimisers, models and their files."""
