"""The run directory: its files, its record, its journal, and who may write there."""
