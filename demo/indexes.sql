-- Made after the load. Events arrive in time order, so a block-range index finds days at a thousandth of the size.
CREATE INDEX events_occurred_at ON usage.events USING brin (occurred_at) WITH (pages_per_range = 32);
CREATE INDEX users_id ON app.users (id);
CREATE INDEX organizations_id ON app.organizations (id);
CREATE INDEX contract_lines_contract ON billing.contract_lines (contract_id);
