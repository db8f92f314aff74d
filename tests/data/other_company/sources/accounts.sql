-- One row is a customer.
SELECT
    nr AS account_id,
    firma AS name,
    gruppe AS segment,
    land AS country,
    betreuer AS csm_email,
    to_date(seit, 'DD.MM.YYYY') AS signed_up_at
FROM kunden;
