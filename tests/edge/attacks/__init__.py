"""Attacks: what a proxy's memory and other clients' requests have to bear while they last."""
