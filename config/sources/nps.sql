-- One row is a survey invitation, answered or not. The survey tool keeps ratings as text.
SELECT
    id AS response_id,
    org_id AS account_id,
    user_id,
    dispatched_at AS sent_at,
    answered_at AS responded_at,
    rating AS score,
    remark AS comment,
    campaign AS survey,
    CASE flow_code WHEN 1 THEN 'relationship' WHEN 2 THEN 'transactional' END AS kind
FROM feedback.survey_invitations
