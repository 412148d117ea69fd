"""How good motions are: against the motions they should be, against other motions as a whole, and against their plans (docs/evaluation.md)."""
