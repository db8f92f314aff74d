-- One row is a customer organisation. Sandboxes and organisations made by mistake are marked, not dropped.
SELECT
    org.id AS account_id,
    org.display_name AS name,
    org.group_id AS parent_id,
    CASE org.size_code WHEN 1 THEN 'small' WHEN 2 THEN 'mid' WHEN 3 THEN 'large' END AS segment,
    org.sector AS industry,
    org.country_code AS country,
    left(org.ui_locale, 2) AS language,
    staff.work_email AS csm_email,
    staff.full_name AS csm_name,
    org.created_at AS signed_up_at,
    org.goal_note AS goal,
    org.escalation_opened_at IS NOT NULL AS escalated,
    org.contact_blocked AS do_not_contact,
    'https://crm.example.com/companies/' || org.crm_ref AS url,
    CASE org.state WHEN 'sandbox' THEN 'test' WHEN 'void' THEN 'mistake' ELSE 'active' END AS status
FROM app.organizations AS org
LEFT JOIN app.staff AS staff ON staff.id = org.csm_id
