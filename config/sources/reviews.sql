-- One row is a public review or post.
SELECT
    id AS review_id,
    org_id AS account_id,
    portal AS site,
    stars AS rating,
    body AS text,
    posted_on AS posted_at,
    link AS url
FROM crm.public_reviews
