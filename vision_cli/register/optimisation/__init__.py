"""Instance optimisation: affine, then the wavelet coefficients of a deformation."""
