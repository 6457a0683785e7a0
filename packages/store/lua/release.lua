if state == 'pending' or state == 'expired' then
  local pending = state == 'pending'
  local failed = count(pending and NOTHING or opposite(holds), pending)
  if failed then
    return failed
  end
  finish('released', NOTHING)
elseif state == 'unknown' then
  -- Its reserve may still be on its way, on a connection that was given up: it must then hold nothing.
  redis.call('HSET', reservation, 'state', 'released')
  redis.call('PEXPIRE', reservation, ENDED_KEPT_MS)
end
return { 'released' }
