"""Training: tables and corpora to the weights in presets/models. Needs torch; nothing of the walk from text to video imports it."""
