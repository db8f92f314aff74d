-- One row is a step of the set-up that an account has done.
SELECT
    org_id AS account_id,
    step AS onboarding_step,
    done_at AS reached_at
FROM app.setup_progress
