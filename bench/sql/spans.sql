SELECT u, min(start) AS start, max(stop) AS stop
FROM (
    SELECT u, start, stop, sum(opens) OVER (PARTITION BY u ORDER BY start, stop ROWS UNBOUNDED PRECEDING) AS island
    FROM (
        SELECT
            u, start, stop,
            CASE WHEN start > max(stop) OVER (
                PARTITION BY u ORDER BY start, stop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) THEN 1 ELSE 0 END AS opens
        FROM ${source}
    ) AS marked
) AS numbered
GROUP BY u, island
