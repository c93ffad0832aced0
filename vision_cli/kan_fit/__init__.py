"""``vcli kan-fit``: networks that select their activation functions (S-KAN, S-ConvKAN, arXiv:2408.08338)."""
