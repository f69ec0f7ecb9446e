"""How many tries there are, and what happens when they are used up."""
