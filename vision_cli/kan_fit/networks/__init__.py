"""The networks of S-KAN: what a node is expanded into, dense layers, convolutions, classifiers of images."""
