"""Prediction of a radiologist's gaze from a chest radiograph and its report (GEM, arXiv:2408.05502)."""
