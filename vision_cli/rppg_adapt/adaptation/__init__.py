"""Source-free adaptation: the second stage of SFDA-rPPG."""
