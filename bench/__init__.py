"""Measurements, each side in the same run: ``make bench``. Figures are ratios; the machine decides the seconds."""
