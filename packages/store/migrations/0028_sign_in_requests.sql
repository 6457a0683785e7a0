-- expand
-- Requests that a SAML identity provider has not answered yet: each is answered once, at whichever node the answer comes. Of no tenant.
CREATE TABLE sign_in_requests (
  id text PRIMARY KEY,
  made_at timestamptz NOT NULL DEFAULT now()
);
