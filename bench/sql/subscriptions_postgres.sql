-- The billing tables as the dashboard's mapping reads them, without the rows that a refresh leaves out, in cents.
SELECT account_id, subscription_id, line_id, kind, mrr, started_on, ended_on, end_kind, cancel_on
FROM (
    SELECT *, max(lasting) OVER (
        PARTITION BY subscription_id, line_id ORDER BY started_on, ended_on
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS runs_until
    FROM (
        SELECT DISTINCT ON (m.subscription_id, coalesce(m.line_id, m.subscription_id::text), m.started_on, m.ended_on)
            m.account_id,
            m.subscription_id,
            coalesce(m.line_id, m.subscription_id::text) AS line_id,
            m.kind,
            cast(round(cast(round(cast(cast(m.mrr AS double precision) * 100 AS numeric)) AS double precision) * r.rate)
                AS bigint) AS mrr,
            m.started_on,
            m.ended_on,
            CASE WHEN m.ended_on IS NULL OR m.ended_on > m.started_on THEN coalesce(m.ended_on, ${never}) END AS lasting,
            m.end_kind,
            cast(m.cancel_requested_at AT TIME ZONE '${zone}' AS date) AS cancel_on
        FROM (${mapping}) AS m
        INNER JOIN (${accounts}) AS a ON a.id = m.account_id
        LEFT JOIN (
            SELECT '${currency}' AS currency, 1.0::double precision AS rate
            UNION ALL
            (
                SELECT DISTINCT ON (currency) currency, cast(eur_per_unit AS double precision)
                FROM billing.fx_rates
                WHERE month ~ '^\d{4}-\d{2}$$' AND month || '-01' <= '${today}' AND eur_per_unit NOT IN ('NaN', 'Infinity')
                ORDER BY currency, month DESC
            )
        ) AS r ON r.currency = upper(trim(m.currency))
        WHERE
            m.subscription_id IS NOT NULL AND m.kind IS NOT NULL AND m.started_on IS NOT NULL
            AND m.mrr >= 0 AND m.mrr <= 1e13
            AND (m.ended_on IS NULL OR m.ended_on >= m.started_on)
        ORDER BY m.subscription_id, coalesce(m.line_id, m.subscription_id::text), m.started_on, m.ended_on
    ) AS good
) AS spread
WHERE lasting IS NULL OR runs_until IS NULL OR started_on >= runs_until
