-- One row per unit and month. Accounts and staff are looked up last, for few rows: faster in both engines.
seen AS (
    SELECT DISTINCT org_id, user_id, ${place} AS place
    FROM ${events}
    WHERE
        feature_key <> ''
        AND (amount IS NULL OR abs(amount) <= 1e13)
        AND occurred_at BETWEEN timestamptz '1970-01-01 00:00+00' AND timestamptz '${last}'
),

present AS (
    SELECT DISTINCT ${unit} AS unit, ${month} AS month
    FROM seen
    WHERE
        org_id IN (${accounts})
        AND (user_id IS NULL OR user_id NOT IN (${staff}))
        AND ${unit} IS NOT NULL
)
