"""Pages: what is on each, as one list of panels."""
