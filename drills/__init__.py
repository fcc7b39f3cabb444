"""Drills: guarantees shown on real processes, so that anybody can watch them hold. `scripts/drill` lists them."""
