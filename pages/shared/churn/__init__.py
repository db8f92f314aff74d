"""The parts of the churn reasons page, one module per tab; only the open one is worked out."""
