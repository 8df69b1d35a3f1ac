"""Hosts on a card, and the proof that all engines agree."""
