"""How results look to a person: each function returns the parts to show, one below the other."""
