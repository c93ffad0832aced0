"""Source-free domain adaptation: stage 2 of SFDA-rPPG."""
