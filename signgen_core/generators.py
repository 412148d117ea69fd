"""What can make the motion of a plan. A module of its own, because the command line shows the names before anything heavy is loaded."""

GENERATORS = ("phonology", "lm")  # the rules of phonology (`synthesis`), or the token language model (`generation`)
