"""``vcli doctor``: what works on this machine."""
