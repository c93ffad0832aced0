"""Segmentation by pixel features alone: two forests that are grown on the supports, and masks made from them."""
