-- One row is a use. Times are text in this database: they are cast here.
SELECT
    kunde AS account_id,
    person AS user_id,
    was AS feature,
    wann::timestamp AS occurred_at,
    menge AS quantity
FROM nutzung
;
-- end
