"""Generated faces in the layouts of well-known data sets, which the loaders written for these read."""
