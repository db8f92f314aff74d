"""Recurring revenue: movements, rates, renewals, lifetimes. One door to the modules that work them out."""

from metrics.movements import account_movements, movements

__all__ = ["account_movements", "movements"]
