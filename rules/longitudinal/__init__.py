"""Checks that need earlier claims: year caps, prescriptions crossed off, purchases in a stay, repeats. No verdict of the gate."""
