"""Scores of a registered scan: reference, residuals, groups, memory bank, calibration, fusion, regions."""
