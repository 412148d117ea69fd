"""Synthesis: phonology to motion by rule, the generator that needs no recording and the teacher of the learned one (numpy)."""
