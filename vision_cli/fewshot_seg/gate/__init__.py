"""Which of a method's masks to answer with: a forest that was grown on generated episodes judges each of them."""
