-- Another company's product database: German names, integer ids, dates kept as text, no surveys, no tickets.
CREATE TABLE kunden (
    nr integer, firma text, gruppe text, land text, betreuer text, seit text
);
INSERT INTO kunden VALUES
    (1, 'Bäckerei Ährenfeld', 'Handwerk', 'DE', 'ute@example.org', '03.01.2026'),
    (2, 'Spedition Rückenwind', 'Logistik', 'AT', 'ute@example.org', '15.02.2026'),
    (3, 'Gärtnerei Löwenzahn', 'Handwerk', 'DE', 'jan@example.org', '20.03.2026'),
    (4, 'Kanzlei Federkiel', 'Beratung', 'CH', 'jan@example.org', '01.04.2026');

CREATE TABLE vertraege (
    vertrag integer, kunde integer, tarif text, betrag_rappen bigint, waehrung text, von text, bis text, gekuendigt text
);
INSERT INTO vertraege VALUES
    (11, 1, 'Klein', 10000, 'EUR', '01.02.2026', NULL, NULL),
    (12, 2, 'Gross', 50000, 'EUR', '01.03.2026', '01.09.2026', '10.08.2026'),
    (13, 3, 'Klein', 10000, 'EUR', '01.04.2026', NULL, NULL),
    (14, 4, 'Gross', 40000, 'CHF', '01.05.2026', NULL, NULL);

CREATE TABLE nutzung (kunde integer, person bigint, was text, wann text, menge numeric);
INSERT INTO nutzung
SELECT
    kunde,
    kunde * 100 + person,
    was,
    to_char(timestamp '2026-02-01 09:00' + tag * interval '1 day' + person * interval '1 hour', 'YYYY-MM-DD HH24:MI:SS'),
    1
FROM generate_series(1, 4) AS kunde
CROSS JOIN generate_series(1, 3) AS person
CROSS JOIN (VALUES ('rechnung'), ('anmelden')) AS was (was)
CROSS JOIN generate_series(0, 220, 3) AS tag
WHERE NOT (kunde = 2 AND tag > 150);
