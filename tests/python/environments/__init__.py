"""The package where other programs put it: in forked workers, in other event loops, among greenlets, and at their end."""
