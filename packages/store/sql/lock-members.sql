-- Changes of a tenant's members one after another, over all processes: a tenant keeps an owner, and has one member an address. $1 tenant
SELECT pg_advisory_xact_lock(hashtextextended('tollhouse/members/' || $1, 0));
