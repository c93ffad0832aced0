"""``vcli register``: image registration through wavelet coefficients of the deformation (WiNet, arXiv:2407.13426)."""
