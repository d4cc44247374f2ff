"""Classical methods, shown: principal components, nearest neighbours, an affine fit, corners."""
