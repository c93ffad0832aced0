"""From a registered scan to scores: residuals, groups, memory bank, calibration, regions."""
