"""What rows of churn reasons are called that name no reason."""

from metrics.churn_reasons import TEXT_ONLY

WITHOUT_REASON = {
    "unclear": "Said something else",
    "no answer": "Asked, no answer",
    "not asked": "Not asked",
    "payment failed": "Payment failed",
    TEXT_ONLY: "Words only",
}
"""The label of each, by what ``metrics.churn_reasons`` calls it."""
