"""Figures and the page that shows a set of results to a reader."""
