-- One row is something we have shipped or will ship.
SELECT
    id AS item_id,
    headline AS title,
    answers AS theme,
    released_on AS shipped_on
FROM app.roadmap_items
