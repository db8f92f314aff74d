-- One row is a feature of the product.
SELECT
    feature_key AS feature,
    label AS name,
    in_scorecard AS is_key,
    delivers_value AS is_value,
    value_threshold AS min_28_days,
    setup_step AS onboarding_step
FROM app.feature_catalog
