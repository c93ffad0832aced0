"""Generated worlds with known truth, deterministic by seed: heads, hearts and the deformations between them."""
