"""Figures: what Matplotlib draws, each from the numbers that it shows."""
