"""Small recognisers of expressions and action units: the guide's architecture and the judge's, which share no layer."""
