SELECT id
FROM (
    SELECT DISTINCT ON (id) id, state
    FROM app.organizations
    WHERE
        id IS NOT NULL
        AND (created_at IS NULL OR created_at BETWEEN timestamptz '1970-01-01 00:00+00' AND timestamptz '${last}')
    ORDER BY id, created_at DESC NULLS LAST
) AS newest
WHERE state NOT IN ('sandbox', 'void')
