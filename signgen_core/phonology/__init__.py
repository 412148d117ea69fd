"""Phonology: the feature inventory (ASL-LEX 2.0 terms), handshapes, locations and the lexicon."""
