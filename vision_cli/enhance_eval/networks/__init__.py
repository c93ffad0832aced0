"""The built-in networks: a centre-point detector, a crop classifier and a zero-reference curve network."""
