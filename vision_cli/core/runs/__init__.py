"""The run directory: its files, record, journal, locks, and rules for starting a run."""
