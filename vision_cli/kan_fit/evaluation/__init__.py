"""Data splits, the scikit-learn baselines of every fit, and the benchmark against other programs."""
