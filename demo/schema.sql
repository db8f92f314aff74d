-- The product database of Northwind Signals, a made-up customer-messaging product.
--
-- It looks the way such databases look after some years, not the way the data contract wants it: codes instead of
-- words, cents instead of amounts, seconds and milliseconds since 1970 beside timestamps, numbers kept as text by a
-- survey tool. config/sources/*.sql map it. It stands for a reporting copy, as a pipeline leaves it: keys are not
-- enforced, because the rows that break them are part of what the dashboard must survive.

CREATE SCHEMA app;
CREATE SCHEMA billing;
CREATE SCHEMA usage;
CREATE SCHEMA feedback;
CREATE SCHEMA support;
CREATE SCHEMA crm;

-- Customers and the people who work there ---------------------------------------------------------------------

CREATE TABLE app.staff (
    id integer PRIMARY KEY,
    full_name text NOT NULL,
    work_email text NOT NULL
);

CREATE TABLE app.organizations (
    id bigint,
    group_id bigint,                    -- the organisation that owns this one
    display_name text,
    size_code smallint,                 -- 1 small, 2 mid, 3 large
    sector text,
    country_code text,
    ui_locale text,                     -- de-AT
    csm_id integer,                     -- app.staff
    created_at timestamptz,
    goal_note text,
    escalation_opened_at timestamptz,   -- open while not null
    contact_blocked boolean,
    crm_ref text,
    state text                          -- live, sandbox (test), void (created by mistake)
);

CREATE TABLE app.users (
    id bigint,
    org_id bigint,
    full_name text,
    email text,                         -- our own staff: @northwind-signals.example
    role_code smallint,                 -- 0 member, 1 admin, 2 owner
    is_champion boolean,
    ui_locale text,
    tz text,
    created_epoch bigint,               -- seconds since 1970
    deactivated_at timestamptz,
    newsletter boolean                  -- false: wants no marketing
);

CREATE TABLE app.feature_catalog (
    feature_key text PRIMARY KEY,
    label text NOT NULL,
    in_scorecard boolean NOT NULL,
    delivers_value boolean NOT NULL,
    value_threshold numeric,            -- in 28 days: amount, or uses where the feature has no amount
    setup_step text
);

CREATE TABLE app.plan_features (
    plan_code text,
    feature_key text,
    PRIMARY KEY (plan_code, feature_key)
);

CREATE TABLE app.setup_progress (
    org_id bigint,
    step text,
    done_at timestamptz
);

CREATE TABLE app.roadmap_items (
    id text PRIMARY KEY,
    headline text NOT NULL,
    answers text NOT NULL,              -- the churn theme it answers
    released_on date
);

-- Contracts ---------------------------------------------------------------------------------------------------

CREATE TABLE billing.plans (
    code text PRIMARY KEY,
    label text NOT NULL
);

CREATE TABLE billing.contracts (
    id bigint,
    org_id bigint,
    currency text,
    cycle_months smallint,
    notice_days smallint
);

CREATE TABLE billing.contract_lines (
    id bigint,
    contract_id bigint,
    position text,                      -- base, or an add-on
    plan_code text,
    charge_code smallint,               -- 1 recurring, 2 metered, 3 trial, 4 free, 5 on hold, 6 data kept
    cycle_cents numeric,                -- for one billing cycle, in the contract's currency
    seats integer,
    valid_from date,
    valid_until date,                   -- first day not served
    term_ends date,
    end_code smallint                   -- 1 cancelled, 2 not paid, 3 followed by another line, 4 entered by mistake
);

CREATE TABLE billing.cancellations (
    id bigint,
    contract_id bigint,
    requested_epoch bigint,             -- seconds since 1970
    requested_by bigint,                -- app.users
    effective_on date,                  -- first day not served
    withdrawn_at timestamptz
);

CREATE TABLE billing.dunning (
    id bigint,
    contract_id bigint,
    opened_at timestamptz,
    settled_at timestamptz
);

CREATE TABLE billing.fx_rates (
    currency text,
    month text,                         -- 2026-11
    eur_per_unit numeric
);

-- Use ---------------------------------------------------------------------------------------------------------

CREATE TABLE usage.events (
    id bigint,
    org_id bigint,
    user_id bigint,                     -- null: an integration
    feature_key text,
    occurred_at timestamptz,
    amount double precision             -- messages, minutes, requests; null where only the use counts
);

CREATE TABLE usage.monthly_audience (
    org_id bigint,
    yyyymm integer,
    contacts integer
);

-- What customers say ------------------------------------------------------------------------------------------

CREATE TABLE feedback.survey_invitations (
    id text,
    org_id bigint,
    user_id bigint,
    dispatched_at timestamptz,
    answered_at timestamptz,
    rating text,                        -- the survey tool exports text
    remark text,
    campaign text,
    flow_code smallint                  -- 1 relationship, 2 after a support ticket
);

CREATE TABLE feedback.exit_answers (
    id text,
    org_id bigint,
    contract_id bigint,
    user_id bigint,
    answered_epoch bigint,              -- seconds since 1970
    outcome_code smallint,              -- 1 left, 2 downgraded, 3 stayed
    reason_code text,
    remark text,
    went_to text,
    would_return text,
    ease smallint,
    csm_regrets boolean
);

CREATE TABLE support.tickets (
    id bigint,
    org_id bigint,
    opened_ms bigint,                   -- milliseconds since 1970
    closed_ms bigint,
    priority_code smallint,             -- 1 urgent .. 4 low
    title text,
    rating text,                        -- 1..5
    rated_ms bigint
);

CREATE TABLE crm.activities (
    id text,
    org_id bigint,
    person_id bigint,
    medium text,
    inbound boolean,
    happens_at timestamptz,             -- may lie ahead
    note text
);

CREATE TABLE crm.public_reviews (
    id text,
    org_id bigint,                      -- where we know who wrote it
    portal text,
    stars numeric,
    body text,
    posted_on date,
    link text
);
