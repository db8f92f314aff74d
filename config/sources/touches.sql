-- One row is a contact with a customer that somebody logged or planned in the CRM.
SELECT
    id AS touch_id,
    org_id AS account_id,
    person_id AS user_id,
    medium AS channel,
    CASE WHEN inbound THEN 'in' ELSE 'out' END AS direction,
    happens_at AS occurred_at,
    note AS summary
FROM crm.activities
