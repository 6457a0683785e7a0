-- expand
-- From when on a key signed, without reading every note: the first characters of its signature are those of its id (c2sp.org/signed-note),
-- 30 of its 32 bits.
CREATE INDEX ledger_checkpoints_by_key
  ON ledger_checkpoints (tenant, (substring(note FROM E'\n\n\u2014 [^ ]+ (.{5})')), size);
