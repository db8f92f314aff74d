-- One row is a contract; amounts are a hundredth of a euro or franc a month.
SELECT
    vertrag AS subscription_id,
    kunde AS account_id,
    tarif AS plan,
    'paid' AS kind,
    betrag_rappen / 100.0 AS mrr,
    waehrung AS currency,
    to_date(von, 'DD.MM.YYYY') AS started_on,
    to_date(bis, 'DD.MM.YYYY') AS ended_on,
    to_date(gekuendigt, 'DD.MM.YYYY') AS cancel_requested_at,
    CASE WHEN bis IS NOT NULL THEN 'requested' END AS end_kind
FROM vertraege -- every contract, ended ones too
