"""From a sample to its scores: darkened, enhanced by every method, measured, looked at by the task models."""
