"""The networks of S-KAN: activation spaces, dense layers, convolutions, image classifiers."""
