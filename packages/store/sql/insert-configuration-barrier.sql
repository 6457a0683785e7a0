-- Changes nothing: whoever has loaded it has heard all before it.
INSERT INTO configuration_changes (subject) VALUES ('barrier');
