"""``vcli submit``: commands as jobs of a scheduler."""
