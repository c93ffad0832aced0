"""Scores of predictions against recordings, baselines and controls beside them, and the tables of both."""
