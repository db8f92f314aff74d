"""Recurring revenue: movements, rates, renewals, lifetimes, from the modules that work them out."""

from metrics.lifetime import lifetime_curve, lifetimes
from metrics.movements import account_movements, movements
from metrics.rates import arr, rate_change, rates
from metrics.regrettable import split_regrettable
from metrics.renewals import account_renewals, late_renewals, leaving, renewals
from metrics.revenue_cohorts import revenue_cohorts
from metrics.revenue_curve import revenue_cohort_accounts, revenue_curve

__all__ = [
    "account_movements",
    "account_renewals",
    "arr",
    "late_renewals",
    "leaving",
    "lifetime_curve",
    "lifetimes",
    "movements",
    "rate_change",
    "rates",
    "renewals",
    "revenue_cohort_accounts",
    "revenue_cohorts",
    "revenue_curve",
    "split_regrettable",
]
