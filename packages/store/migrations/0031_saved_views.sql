-- expand
-- Questions that somebody gave a name to, for themselves: the address of a page of the dashboard.

CREATE TABLE saved_views (
  tenant uuid NOT NULL REFERENCES tenants (id),
  -- As the ledger names who asks: `member:mem_…`, or a key.
  actor text NOT NULL,
  name text NOT NULL,
  page text NOT NULL CHECK (page IN ('explore', 'calls')),
  search text NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now(),
  -- With a member their views go.
  member text GENERATED ALWAYS AS (CASE WHEN actor LIKE 'member:%' THEN substr(actor, 8) END) STORED,
  PRIMARY KEY (tenant, actor, name),
  FOREIGN KEY (tenant, member) REFERENCES members (tenant, id) ON DELETE CASCADE
);
CREATE INDEX saved_views_by_member ON saved_views (tenant, member) WHERE member IS NOT NULL;

SELECT guard_tenant_table('saved_views', 'SELECT, INSERT, UPDATE, DELETE');
