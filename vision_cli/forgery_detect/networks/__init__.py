"""Networks of the detectors, as plain modules."""
