"""Layouts of data sets of gaze, a module each."""
