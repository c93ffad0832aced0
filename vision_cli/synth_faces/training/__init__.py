"""Training of recognisers on faces with labels or action units, generated or real."""
