"""Drivers that speak the instruments' protocols; plain Python, no ophyd."""
