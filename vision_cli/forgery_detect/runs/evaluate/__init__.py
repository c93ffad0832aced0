"""The work of ``evaluate``: detectors that are there, or that a protocol trains, measured on labelled media."""
