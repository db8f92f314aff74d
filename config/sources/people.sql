-- One row is a person with a log-in. Our own staff, who help inside customer accounts, carry our address.
SELECT
    id AS user_id,
    org_id AS account_id,
    full_name AS name,
    email,
    CASE
        WHEN role_code = 2 THEN 'owner'
        WHEN is_champion THEN 'champion'
        WHEN role_code = 1 THEN 'admin'
        ELSE 'member'
    END AS role,
    coalesce(email LIKE '%@northwind-signals.example', false) AS is_internal,
    ui_locale AS locale,
    tz AS time_zone,
    to_timestamp(created_epoch) AS joined_at,
    deactivated_at AS left_at,
    NOT newsletter AS opted_out
FROM app.users
