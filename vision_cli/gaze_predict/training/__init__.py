"""Training of the network on readings: films, sentences, and where a reader looked."""
