"""The model of a part, its training (`fit`) and its files."""
