-- MRR movements by month, in words that PostgreSQL and DuckDB both know. Money in minor units, at constant rates.
-- "given": account_id, subscription_id, line_id, kind, mrr, started_on, ended_on, end_kind, cancel_on.
-- "days": (0, the day before the first month), (1, its last day), … , the last of them today.
WITH days (k, day) AS (VALUES ${days}),

given AS (${subscriptions}),

-- What was known today: a later end has not happened, a later start is not there.
stretch AS (
    SELECT
        account_id AS u,
        subscription_id,
        line_id,
        kind,
        CASE WHEN kind IN ('paid', 'parked') THEN coalesce(mrr, 0) ELSE 0 END AS value,
        kind IN ('paused', 'parked') AS hold,
        started_on AS start,
        CASE WHEN ended_on <= ${as_of} THEN ended_on ELSE ${never} END AS stop,
        coalesce(cancel_on <= ${as_of}, false)
        OR coalesce(ended_on <= ${as_of} AND end_kind = 'requested', false) AS requested
    FROM given
    WHERE
        started_on <= ${as_of}
        AND (ended_on IS NULL OR ended_on > ${as_of} OR (ended_on > started_on AND coalesce(end_kind, '') <> 'mistake'))
),

counted AS (SELECT * FROM stretch WHERE value > 0 OR hold),

span AS (${counted_spans}),

-- A short gap that nobody asked for is a late renewal, unless the customer moved on to something free.
gap AS (SELECT u, stop, lead(start) OVER (PARTITION BY u ORDER BY start) AS back FROM span),

late AS (
    SELECT gap.u, gap.stop, coalesce(gap.back, ${never}) AS until
    FROM gap
    WHERE
        gap.stop < ${never}
        AND coalesce(gap.back, ${as_of}) - gap.stop <= ${grace_days}
        AND NOT EXISTS (SELECT 1 FROM counted AS c WHERE c.u = gap.u AND c.stop = gap.stop AND c.requested)
        AND NOT EXISTS (
            SELECT 1 FROM stretch AS s
            WHERE
                s.u = gap.u AND s.value = 0 AND NOT s.hold AND s.kind <> 'usage'
                AND s.start >= gap.stop AND s.start < coalesce(gap.back, ${never})
        )
),

bridged AS (
    SELECT
        s.u, s.subscription_id, s.line_id, s.value, s.hold, s.start,
        s.stop AS service_stop,
        CASE WHEN s.value > 0 OR s.hold THEN coalesce(late.until, s.stop) ELSE s.stop END AS stop,
        coalesce((s.value > 0 OR s.hold) AND late.until = ${never}, false) AS open_gap
    FROM stretch AS s
    LEFT JOIN late ON late.u = s.u AND late.stop = s.stop
    WHERE s.value > 0 OR s.hold OR s.kind IN ('paid', 'usage')
),

paid AS (SELECT * FROM bridged WHERE value > 0),

held AS (SELECT * FROM bridged WHERE hold),

paid_span AS (${paid_spans}),

held_span AS (${held_spans}),

cell AS (
    SELECT
        b.u, d.k, d.day,
        sum(b.value) AS own,
        bool_or(b.value > 0) AS pays,
        bool_or(b.hold) AS hold,
        bool_or(b.open_gap AND d.day >= b.service_stop) AS open_gap
    FROM bridged AS b
    INNER JOIN days AS d ON b.start <= d.day AND d.day < b.stop
    GROUP BY b.u, d.k, d.day
),

-- Pauses: they follow paid service without a gap, and count as long as they have not lasted too long.
on_hold AS (
    SELECT
        c.u, c.k, c.day,
        (SELECT max(h.start) FROM held_span AS h WHERE h.u = c.u AND h.start <= c.day) AS held_since,
        (SELECT max(p.stop) FROM paid_span AS p WHERE p.u = c.u AND p.stop <= c.day) AS since
    FROM cell AS c
    WHERE c.hold AND NOT c.pays
),

pause AS (
    SELECT
        u, k,
        day - since + 1 <= ${pause_max_days} AS kept,
        (
            SELECT sum(p.value) FROM paid AS p
            WHERE
                p.u = on_hold.u
                AND p.start <= cast(date_trunc('month', on_hold.since) AS date) - 1
                AND cast(date_trunc('month', on_hold.since) AS date) - 1 < p.stop
        ) AS lost
    FROM on_hold
    WHERE held_since <= since
),

state AS (
    SELECT
        c.u, c.k, c.own, c.pays, c.hold, c.open_gap, pause.lost,
        CASE WHEN c.pays THEN 'paying' WHEN pause.kept THEN 'paused' ELSE 'absent' END AS status
    FROM cell AS c
    LEFT JOIN pause ON pause.u = c.u AND pause.k = c.k
),

-- What single lines stopped paying when they were paused or parked, and what they pay again.
line_cell AS (
    SELECT b.u, b.subscription_id, b.line_id, d.k, sum(b.value) AS own, bool_or(b.hold) AS hold
    FROM bridged AS b
    INNER JOIN (SELECT DISTINCT u, subscription_id, line_id FROM held) AS h
        ON h.u = b.u AND h.subscription_id = b.subscription_id AND h.line_id = b.line_id
    INNER JOIN days AS d ON b.start <= d.day AND d.day < b.stop
    GROUP BY b.u, b.subscription_id, b.line_id, d.k
),

line_rise AS (
    SELECT
        coalesce(c.u, o.u) AS u,
        coalesce(c.k, o.k + 1) AS k,
        coalesce(c.own, 0) - coalesce(o.own, 0) AS rise,
        coalesce(c.hold, false) AS hold_c,
        coalesce(o.hold, false) AS hold_o
    FROM line_cell AS c
    FULL JOIN line_cell AS o
        ON o.u = c.u AND o.subscription_id = c.subscription_id AND o.line_id = c.line_id AND o.k + 1 = c.k
),

line_change AS (
    SELECT
        u, k,
        sum(CASE WHEN hold_c AND rise < 0 THEN -rise ELSE 0 END) AS line_paused,
        sum(CASE WHEN hold_o AND rise > 0 THEN rise ELSE 0 END) AS line_resumed
    FROM line_rise
    GROUP BY u, k
),

month AS (
    SELECT d.k, d.day AS closes, before.day AS begins_after
    FROM days AS d
    INNER JOIN days AS before ON before.k + 1 = d.k
),

-- Paid service that began and ended between two measured days.
inside AS (
    SELECT DISTINCT p.u, m.k
    FROM paid AS p
    INNER JOIN month AS m ON p.start > m.begins_after AND p.stop <= m.closes
),

unit AS (
    SELECT u, min(CASE WHEN value > 0 THEN start END) AS first_paid
    FROM bridged
    GROUP BY u
),

grid AS (
    SELECT
        unit.u, m.k,
        coalesce(o.own, 0) AS opening,
        coalesce(c.own, 0) AS closing,
        coalesce(o.pays, false) AS pays_o,
        coalesce(c.pays, false) AS pays_c,
        coalesce(o.hold, false) AS hold_o,
        coalesce(c.hold, false) AS hold_c,
        coalesce(o.status, 'absent') AS was,
        coalesce(c.status, 'absent') AS now,
        coalesce(c.open_gap, false) AS open_gap,
        coalesce(o.lost, 0) AS lost,
        coalesce(l.line_paused, 0) AS line_paused,
        coalesce(l.line_resumed, 0) AS line_resumed,
        i.k IS NOT NULL AS was_inside,
        coalesce(unit.first_paid > m.begins_after, false) AS is_first
    FROM unit
    CROSS JOIN month AS m
    LEFT JOIN state AS o ON o.u = unit.u AND o.k + 1 = m.k
    LEFT JOIN state AS c ON c.u = unit.u AND c.k = m.k
    LEFT JOIN line_change AS l ON l.u = unit.u AND l.k = m.k
    LEFT JOIN inside AS i ON i.u = unit.u AND i.k = m.k
),

named AS (
    SELECT
        *,
        CASE
            WHEN pays_o AND pays_c AND closing - opening + line_paused - line_resumed > 0 THEN 'expansion'
            WHEN pays_o AND pays_c AND closing - opening + line_paused - line_resumed < 0 THEN 'contraction'
            WHEN pays_o AND pays_c AND line_paused > 0 THEN 'paused'
            WHEN pays_o AND pays_c AND line_resumed > 0 THEN 'resumed'
            WHEN pays_o AND NOT pays_c AND hold_c THEN 'paused'
            WHEN pays_o AND NOT pays_c THEN 'churned'
            WHEN pays_c AND NOT pays_o AND is_first THEN 'new'
            WHEN pays_c AND NOT pays_o AND hold_o THEN 'resumed'
            WHEN pays_c AND NOT pays_o THEN 'reactivation'
            WHEN NOT pays_o AND was = 'paused' AND now = 'absent' THEN 'left_after_pause'
            WHEN NOT pays_o AND was = 'absent' AND now = 'paused' AND is_first THEN 'new'
            WHEN NOT pays_o AND was = 'absent' AND now = 'paused' THEN 'reactivation'
            WHEN NOT pays_o AND was = 'absent' AND was_inside THEN 'in_and_out'
            ELSE 'unchanged'
        END AS movement
    FROM grid
),

beside AS (
    SELECT
        *,
        CASE WHEN pays_o AND pays_c AND movement <> 'paused' THEN line_paused ELSE 0 END AS also_paused,
        CASE WHEN pays_o AND pays_c AND movement <> 'resumed' THEN line_resumed ELSE 0 END AS also_resumed,
        CASE WHEN movement = 'paused' AND now = 'absent' THEN opening ELSE 0 END AS also_left
    FROM named
    WHERE pays_o OR movement <> 'unchanged' OR was <> 'absent'
),

moved AS (
    SELECT
        *,
        CASE WHEN movement = 'left_after_pause' THEN lost ELSE abs(closing - opening + also_paused - also_resumed)
        END AS amount
    FROM beside
)

SELECT
    k,
    cast(sum(opening) AS bigint) AS opening,
    cast(sum(CASE WHEN movement = 'new' THEN amount ELSE 0 END) AS bigint) AS new,
    cast(sum(CASE WHEN movement = 'expansion' THEN amount ELSE 0 END) AS bigint) AS expansion,
    cast(sum(CASE WHEN movement = 'reactivation' THEN amount ELSE 0 END) AS bigint) AS reactivation,
    cast(sum(CASE WHEN movement = 'resumed' THEN amount ELSE 0 END + also_resumed) AS bigint) AS resumed,
    cast(sum(CASE WHEN movement = 'contraction' THEN amount ELSE 0 END) AS bigint) AS contraction,
    cast(sum(CASE WHEN movement = 'paused' THEN amount ELSE 0 END + also_paused) AS bigint) AS paused,
    cast(sum(CASE WHEN movement = 'churned' THEN amount ELSE 0 END) AS bigint) AS churned,
    cast(sum(closing) AS bigint) AS closing,
    count(CASE WHEN was <> 'absent' THEN 1 END) AS accounts_opening,
    count(CASE WHEN was = 'absent' AND now <> 'absent' AND movement = 'new' THEN 1 END) AS accounts_new,
    count(CASE WHEN was = 'absent' AND now <> 'absent' AND movement <> 'new' THEN 1 END) AS accounts_reactivated,
    count(CASE WHEN was <> 'absent' AND now = 'absent' THEN 1 END) AS accounts_churned,
    count(CASE WHEN now <> 'absent' THEN 1 END) AS accounts_closing,
    count(CASE WHEN movement = 'in_and_out' THEN 1 END) AS accounts_in_and_out,
    cast(sum(CASE WHEN movement = 'left_after_pause' THEN amount ELSE 0 END + also_left) AS bigint) AS left_after_pause
FROM moved
GROUP BY k
ORDER BY k
