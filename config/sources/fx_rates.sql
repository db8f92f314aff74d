-- One row is a currency's month. The month is text there; the day is added, the cast is left to the reader.
SELECT
    currency,
    month || '-01' AS month,
    eur_per_unit AS rate
FROM billing.fx_rates
