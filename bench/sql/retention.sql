-- Cohorts from a day on: how many units started in one month and were there in another.
WITH ${present},

first AS (SELECT unit, min(${first}) AS cohort FROM present GROUP BY unit)

SELECT first.cohort, present.month, count(*) AS units
FROM present
INNER JOIN first ON first.unit = present.unit
WHERE first.cohort >= DATE '${since}' AND present.month <= DATE '${as_of}'
GROUP BY first.cohort, present.month
