-- expand
-- People who sign in, and their sessions. The ledger names a member by their id alone: name and e-mail address are here and nowhere else.

CREATE TABLE members (
  tenant uuid NOT NULL REFERENCES tenants (id),
  id text NOT NULL,
  -- In lower case.
  email text NOT NULL,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'owner')),
  -- argon2id as a PHC string; NULL: there is none.
  password_hash text,
  -- Of the one-time text by which a password is set, and until when it may be.
  invitation_hash bytea CHECK (length(invitation_hash) = 32),
  invitation_until timestamptz,
  -- Who they are at the identity provider: both together, and never the e-mail address, which others may get later.
  issuer text,
  subject text,
  disabled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_sign_in_at timestamptz,
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, id),
  CHECK ((issuer IS NULL) = (subject IS NULL))
);
CREATE UNIQUE INDEX members_by_email ON members (tenant, email);
CREATE UNIQUE INDEX members_by_identity ON members (tenant, issuer, subject);

-- Of what a session's cookie holds only an HMAC under a derived key is here.
CREATE TABLE member_sessions (
  tenant uuid NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  member text NOT NULL,
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, hash),
  FOREIGN KEY (tenant, member) REFERENCES members (tenant, id) ON DELETE CASCADE
);
CREATE INDEX member_sessions_by_member ON member_sessions (tenant, member);

SELECT guard_tenant_table('members', 'SELECT, INSERT, UPDATE, DELETE');
SELECT guard_tenant_table('member_sessions', 'SELECT, INSERT, UPDATE, DELETE');
