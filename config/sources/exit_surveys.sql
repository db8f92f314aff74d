-- One row is an answer to the questions asked when a customer cancels or moves to a smaller plan.
SELECT
    id AS response_id,
    org_id AS account_id,
    contract_id AS subscription_id,
    user_id,
    to_timestamp(answered_epoch) AS submitted_at,
    CASE outcome_code WHEN 1 THEN 'left' WHEN 2 THEN 'downgraded' WHEN 3 THEN 'stayed' END AS outcome,
    reason_code AS reason,
    remark AS comment,
    went_to AS competitor,
    would_return,
    ease,
    csm_regrets AS regrettable
FROM feedback.exit_answers
