"""GM-DF: one detector for many domains (arXiv:2406.20078), as plain modules."""
