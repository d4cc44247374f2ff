"""Classical methods, shown: principal components, nearest neighbours, visual words, an affine fit, corners."""
