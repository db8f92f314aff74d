-- One row is an account's month: how many contacts of theirs the product reached in it.
SELECT
    org_id AS account_id,
    to_date(yyyymm::text, 'YYYYMM') AS month,
    contacts AS end_customers
FROM usage.monthly_audience
