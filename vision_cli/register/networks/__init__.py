"""WiNet (Jia et al., MICCAI 2024, arXiv:2407.13426), one module for each part of the network."""
