-- Changes of configuration are few among millions of calls: the audit finds them without reading the calls between them.
CREATE INDEX ledger_entries_by_change ON ledger_entries (tenant, sequence) WHERE type = 7;
