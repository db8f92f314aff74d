-- One row is a stretch of one line of one contract at one price. A contract's base line carries the contract's own
-- id; add-ons and metered positions are lines beside it. Amounts are cents per billing cycle.
WITH request AS (
    SELECT
        contract_id,
        effective_on,
        min(to_timestamp(requested_epoch)) AS requested_at
    FROM billing.cancellations
    WHERE withdrawn_at IS NULL
    GROUP BY contract_id, effective_on
),

unpaid AS (
    SELECT
        contract_id,
        min(opened_at) AS past_due_since
    FROM billing.dunning
    WHERE settled_at IS NULL
    GROUP BY contract_id
),

final AS (
    SELECT
        line.contract_id AS subscription_id,
        CASE WHEN line.position <> 'base' THEN line.contract_id || ':' || line.position END AS line_id,
        contract.org_id AS account_id,
        plan.label AS plan,
        CASE line.charge_code
            WHEN 1 THEN 'paid'
            WHEN 2 THEN 'usage'
            WHEN 3 THEN 'trial'
            WHEN 4 THEN 'free'
            WHEN 5 THEN 'paused'
            WHEN 6 THEN 'parked'
        END AS kind,
        round(line.cycle_cents / contract.cycle_months / 100, 2) AS mrr,
        contract.currency,
        contract.cycle_months AS billing_months,
        line.seats,
        line.valid_from AS started_on,
        line.valid_until AS ended_on,
        line.term_ends AS renews_on,
        contract.notice_days,
        request.requested_at AS cancel_requested_at,
        unpaid.past_due_since,
        CASE line.end_code
            WHEN 1 THEN 'requested'
            WHEN 2 THEN 'payment_failed'
            WHEN 3 THEN 'changed'
            WHEN 4 THEN 'mistake'
        END AS end_kind
    FROM billing.contract_lines AS line
    LEFT JOIN billing.contracts AS contract ON contract.id = line.contract_id
    LEFT JOIN billing.plans AS plan ON plan.code = line.plan_code
    LEFT JOIN request ON request.contract_id = line.contract_id AND request.effective_on = line.valid_until
    LEFT JOIN unpaid
        ON unpaid.contract_id = line.contract_id
        AND line.charge_code = 1
        AND unpaid.past_due_since >= line.valid_from
        AND (line.valid_until IS NULL OR unpaid.past_due_since < line.valid_until)
)

SELECT * FROM final
