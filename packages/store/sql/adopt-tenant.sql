-- A tenant whose ledger is imported, where there is none of this id; a ledger does not say what it was called. $1 id, $2 name
INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING;
