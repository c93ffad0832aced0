"""How good generated faces are: recognised labels and action units, control, distance from real faces, balance."""
