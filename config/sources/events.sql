-- One row is a use of the product; without a person it was an integration. Only columns, no join and no function:
-- the database groups millions of these rows, and a cluster hands that work to its nodes.
SELECT
    org_id AS account_id,
    user_id,
    feature_key AS feature,
    occurred_at,
    amount AS quantity
FROM usage.events
