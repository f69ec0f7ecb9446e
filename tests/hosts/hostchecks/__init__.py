"""What the checks of a host share: observing it, recording what was seen.

Nothing here, and no check, imports Keepgate: a check must not reuse the code
whose work it checks. What a host shall be arrives as JSON (`wanted`).
"""
