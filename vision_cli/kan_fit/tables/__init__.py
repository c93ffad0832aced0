"""Fitting of tables: data, splits, optimisers, selection, models and their files."""
