"""A frozen recogniser of signs and their features from joint positions, and the embedding that Frechet distances are measured in."""
