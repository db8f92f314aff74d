-- One row is a feature that a plan pays for.
SELECT
    plan.label AS plan,
    paid.feature_key AS feature
FROM app.plan_features AS paid
JOIN billing.plans AS plan ON plan.code = paid.plan_code
