"""Training of GM-DF: pretraining, joint training, and meta-learning over domains."""
