/*
 * The steps that Redis does as one, in Lua. Each compares before it writes. Sent by their hash (EVALSHA); a Redis that
 * does not know one says NOSCRIPT, and gets its text (EVAL).
 */
#ifndef LUBDUB_SERVER_PRESENCE_SCRIPTS_H
#define LUBDUB_SERVER_PRESENCE_SCRIPTS_H

/*
 * KEYS: claim, nodes. ARGV: the claim, NODE, BOOT, INCARNATION, PROOF ("-": none), prefix of channels, identity, "new":
 * the session was not written yet (else "known").
 *
 * ok        written
 * made      the same, and nothing stood there
 * moved     written, and was another's; the old claim follows, and its node is told
 * proof     not written: another proof let the holder in, and it is live; its claim follows
 * older     not written: the holder is live, and has a higher incarnation; its claim follows
 * tie       not written: the holder is live, has the same incarnation, and our session is not new: what changes at an
 *           old session does not take the identity back; the holder's claim follows
 * buried    not written: BOOT is not what NODE lives as
 */
static const char presence_script_claim[] =
    "local me = redis.call('HGET', KEYS[2], ARGV[2])\n"
    "if not me or string.sub(me, 1, #ARGV[3] + 1) ~= ARGV[3] .. ' ' or not string.find(me, ' live ', 1, true) then\n"
    "  return {'buried'}\n"
    "end\n"
    "local held = redis.call('GET', KEYS[1])\n"
    "if held then\n"
    "  local node, boot, session, incarnation, proof, state =\n"
    "    string.match(held, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')\n"
    "  if node and not (node == ARGV[2] and boot == ARGV[3]) then\n"
    "    local entry = redis.call('HGET', KEYS[2], node)\n"
    "    local lives = entry and string.sub(entry, 1, #boot + 1) == boot .. ' '\n"
    "      and string.find(entry, ' live ', 1, true)\n"
    "    local holds = state == 'up' or state == 'late'\n"
    "    if lives and holds and proof ~= '-' and proof ~= ARGV[5] then return {'proof', held} end\n"
    "    if lives and holds and incarnation > ARGV[4] then return {'older', held} end\n"
    "    if lives and holds and incarnation == ARGV[4] and ARGV[8] ~= 'new' then return {'tie', held} end\n"
    "    redis.call('SET', KEYS[1], ARGV[1])\n"
    "    if lives and holds then\n"
    "      redis.call('PUBLISH', ARGV[6] .. node, boot .. ' ' .. session .. ' ' .. ARGV[7])\n"
    "    end\n"
    "    return {'moved', held}\n"
    "  end\n"
    "end\n"
    "redis.call('SET', KEYS[1], ARGV[1])\n"
    "return {held and 'ok' or 'made'}\n";

/*
 * The identity has no session here any more. KEYS: claim, nodes. ARGV: the claim (away or gone), NODE, BOOT, seconds
 * for which it is kept ("0": for good). ok, not-ours (another node's; ours may be of an earlier boot) or buried.
 */
static const char presence_script_release[] =
    "local me = redis.call('HGET', KEYS[2], ARGV[2])\n"
    "if not me or string.sub(me, 1, #ARGV[3] + 1) ~= ARGV[3] .. ' ' or not string.find(me, ' live ', 1, true) then\n"
    "  return {'buried'}\n"
    "end\n"
    "local held = redis.call('GET', KEYS[1])\n"
    "if held and string.sub(held, 1, #ARGV[2] + 1) ~= ARGV[2] .. ' ' then return {'not-ours'} end\n"
    "if ARGV[4] == '0' then redis.call('SET', KEYS[1], ARGV[1])\n"
    "else redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4]) end\n"
    "return {'ok'}\n";

/*
 * Begins a boot, if the entry is still as it was read: a command of a connection that is over may come late, and must
 * not take the place of the boot that lives by now. KEYS: nodes. ARGV: NODE, entry as read ("": none), new entry. 1:
 * done.
 */
static const char presence_script_join[] =
    "if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end\n"
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
    "return 1\n";

/*
 * Counts up, and reads all nodes. KEYS: nodes, and some claims. ARGV: NODE, BOOT, its new entry. Returns names and
 * entries by turns, and then an array of the claims that are not there, by their place from 1 on; or one word: lost
 * (Redis knows nothing of us), buried, or conflict (another boot lives under our name).
 */
static const char presence_script_beat[] =
    "local me = redis.call('HGET', KEYS[1], ARGV[1])\n"
    "if not me then return 'lost' end\n"
    "if string.sub(me, 1, #ARGV[2] + 1) ~= ARGV[2] .. ' ' then return 'conflict' end\n"
    "if not string.find(me, ' live ', 1, true) then return 'buried' end\n"
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
    "local answer = redis.call('HGETALL', KEYS[1])\n"
    "local missing = {}\n"
    "if #KEYS > 1 and redis.pcall('EXISTS', unpack(KEYS, 2)) ~= #KEYS - 1 then\n"
    "  for i = 2, #KEYS do\n"
    "    if redis.pcall('EXISTS', KEYS[i]) == 0 then missing[#missing + 1] = i - 1 end\n"
    "  end\n"
    "end\n"
    "answer[#answer + 1] = missing\n"
    "return answer\n";

/* The places of the keys that are not there, from 1 on. */
static const char presence_script_missing[] = "local missing = {}\n"
                                              "if redis.call('EXISTS', unpack(KEYS)) == #KEYS then return missing end\n"
                                              "for i, key in ipairs(KEYS) do\n"
                                              "  if redis.call('EXISTS', key) == 0 then missing[#missing + 1] = i end\n"
                                              "end\n"
                                              "return missing\n";

/* Writes over what is still as it was read. KEYS: nodes. ARGV: NODE, entry as read, new entry. 1: done. */
static const char presence_script_bury[] = "if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end\n"
                                           "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
                                           "return 1\n";

/*
 * The same for a claim, unless its node lives as that boot by now: it may have come back since the nodes were read.
 * KEYS: claim, nodes. ARGV: claim as read, new claim, seconds for which it is kept, node and boot of the claim. 1:
 * done.
 */
static const char presence_script_settle[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "local entry = redis.call('HGET', KEYS[2], ARGV[4])\n"
    "if entry and string.sub(entry, 1, #ARGV[5] + 1) == ARGV[5] .. ' ' and string.find(entry, ' live ', 1, true) then\n"
    "  return 0\n"
    "end\n"
    "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])\n"
    "return 1\n";

#endif
