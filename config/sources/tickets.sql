-- One row is a support ticket.
SELECT
    id AS ticket_id,
    org_id AS account_id,
    to_timestamp(opened_ms / 1000.0) AS opened_at,
    to_timestamp(closed_ms / 1000.0) AS solved_at,
    CASE priority_code WHEN 1 THEN 'urgent' WHEN 2 THEN 'high' WHEN 3 THEN 'normal' WHEN 4 THEN 'low' END AS priority,
    title AS subject,
    rating AS csat,
    to_timestamp(rated_ms / 1000.0) AS csat_at,
    'https://help.example.com/tickets/' || id AS url
FROM support.tickets
