"""Panels: the parts that pages are made of, each from the numbers that it shows."""
