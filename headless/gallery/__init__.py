"""Datasets and batches as pages to look through: docs/gallery.md."""
