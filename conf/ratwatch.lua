#!lua name=ratwatch1
-- ratwatch1: how ratwatchd writes to Redis or Valkey. docs/redis.md is the contract of the keys.
--
-- Redis does not undo what a failing function has done. So everything that can be refused is refused before the first write:
-- every word is checked, then the type of every key, and only then is anything changed. What is left (a counter that somebody
-- overwrote with text, or that is full) skips that one counter and says so in the reply.
--
-- Increments travel as decimal text and go to HINCRBY as they are: a Lua number of 1e17 or more would arrive as "1e+17".
-- Numbers that are compared here (batch numbers, epoch seconds) stay far below 2^53.

-- Raised with every change of this file that writes the same keys; another layout of keys is another library, ratwatch2.
local REVISION = '1'

local FENCE_SECONDS = 400 * 86400
local UNION_MOST = 64 -- names in one '|'-joined list
local EVIDENCE = 'attempt|answered|two_way'

-- The words of each operation. H hash, S set, Z sorted set, L HyperLogLog, A any: a key, as its index in KEYS (1 is the fence
-- and no operation's). i: whole number, t: text.
local WORDS = {
	set = 'Htt', -- field, value
	incr = 'Hti', -- field, increment
	count = 'HSitti', -- names of the day, how many of them, name, rest of the field, increment
	least = 'Hti', -- field, number
	most = 'Hti', -- field, number
	union = 'Htt', -- field, names
	rank = 'Httttt', -- field, value, scale; another field and its value, set when this value is the highest so far
	recent = 'Ziti', -- how many, member, score
	pfadd = 'Lt', -- element
	victims = 'HL', -- field `victims` from this HyperLogLog
	pick = 'HHSit', -- key, key of the rest, names of the day, how many of them, name
	seen = 'Hittit', -- how many, field, evidence, suspected, the sighting
	expire = 'Ai', -- seconds
}

local TYPES = { H = 'hash', S = 'set', Z = 'zset', L = 'string' }

local function refuse(text)
	return redis.error_reply('RATWATCH ' .. text)
end

local function is_whole(word)
	return #word <= 19 and word:find('^%-?%d+$') ~= nil
end

-- nil, or why the key cannot be what its letter says. `types` remembers what was asked already.
local function key_problem(letter, key, types)
	local want = TYPES[letter]
	if want == nil then
		return nil
	end
	if types[key] == nil then
		types[key] = redis.call('TYPE', key).ok
		if types[key] == 'none' then
			types[key] = want
		elseif letter == 'L' and types[key] == 'string' and type(redis.pcall('PFCOUNT', key)) == 'table' then
			types[key] = 'plain string' -- a number would be the count, a table is an error
		end
	end
	if types[key] ~= want then
		return "key '" .. key .. "' is a " .. types[key] .. ', not a ' .. (letter == 'L' and 'HyperLogLog' or want)
			.. '; rename or delete it, ratwatch will make it anew'
	end
end

local function word_problem(letter, word, keys, types)
	if letter == 't' then
		return nil
	end
	if not is_whole(word) then
		return "'" .. word .. "' is not a whole number"
	end
	if letter == 'i' then
		return nil
	end
	local index = tonumber(word)
	if index < 2 or index > #keys then
		return 'there is no key ' .. word
	end
	return key_problem(letter, keys[index], types)
end

-- nil when every operation from args[at] on can be carried out.
local function problem(keys, args, at)
	local types = {}
	while at <= #args do
		local letters = WORDS[args[at]]
		if letters == nil then
			return "unknown operation '" .. args[at] .. "'"
		end
		if at + #letters > #args then
			return "operation '" .. args[at] .. "' is cut short"
		end
		for i = 1, #letters do
			local why = word_problem(letters:sub(i, i), args[at + i], keys, types)
			if why then
				return why
			end
		end
		at = at + 1 + #letters
	end
end

local function place(scale, value)
	local n = 0
	for word in scale:gmatch('[^|]+') do
		n = n + 1
		if word == value then
			return n
		end
	end
	return 0
end

local function compare(key, field, value, better)
	local stored = tonumber(redis.call('HGET', key, field) or nil)
	if stored == nil or better(tonumber(value), stored) then
		redis.call('HSET', key, field, value)
	end
end

local function joined(stored, names)
	local have, list = {}, {}
	for name in (stored .. '|' .. names):gmatch('[^|]+') do
		if not have[name] and #list < UNION_MOST then
			have[name] = true
			list[#list + 1] = name
		end
	end
	table.sort(list)
	return table.concat(list, '|')
end

-- The name itself, or '*' when the day has as many names as it may have.
local function admitted(set, most, name)
	if redis.call('SISMEMBER', set, name) == 1 then
		return name
	end
	if redis.call('SCARD', set) >= tonumber(most) then
		return '*'
	end
	redis.call('SADD', set, name)
	return name
end

-- seen: field -> evidence|sensor|batch number|event|suspected
local function parse_seen(value)
	local evidence, sensor, seq, event, suspected = (value or ''):match('^([^|]*)|([^|]*)|(%d+)|([^|]*)|(%d)$')
	return { evidence = place(EVIDENCE, evidence), sensor = sensor, seq = seq, event = event, suspected = tonumber(suspected) or 0 }
end

-- What carries out an operation: (part, key, the other words). `part` has keys, key (index -> name, as picked), reply.
local run = {}

function run.set(part, key, field, value)
	redis.call('HSET', key, field, value)
end

function run.incr(part, key, field, n)
	if type(redis.pcall('HINCRBY', key, field, n)) == 'table' then
		part.skipped = part.skipped + 1
	end
end

function run.count(part, key, set, most, name, rest, n)
	run.incr(part, key, admitted(part.key(set), most, name) .. '|' .. rest, n)
end

function run.least(part, key, field, value)
	compare(key, field, value, function(a, b) return a < b end)
end

function run.most(part, key, field, value)
	compare(key, field, value, function(a, b) return a > b end)
end

function run.union(part, key, field, names)
	local stored = redis.call('HGET', key, field) or ''
	local all = joined(stored, names)
	if all ~= stored then
		redis.call('HSET', key, field, all)
	end
end

function run.rank(part, key, field, value, scale, other, other_value)
	if place(scale, value) < place(scale, redis.call('HGET', key, field) or '') then
		return
	end
	redis.call('HSET', key, field, value)
	if other ~= '' then
		redis.call('HSET', key, other, other_value)
	end
end

function run.recent(part, key, most, member, score)
	redis.call('ZADD', key, 'GT', score, member)
	if redis.call('ZCARD', key) > tonumber(most) then
		redis.call('ZREMRANGEBYRANK', key, 0, -(tonumber(most) + 1))
	end
end

function run.pfadd(part, key, element)
	redis.call('PFADD', key, element)
end

function run.victims(part, key, hll)
	redis.call('HSET', key, 'victims', redis.call('PFCOUNT', part.key(hll)))
end

function run.pick(part, key, rest, set, most, name)
	if admitted(part.key(set), most, name) == '*' then
		part.picked[key] = part.key(rest)
	end
end

function run.seen(part, key, most, field, evidence, suspected, sighting)
	local stored = redis.call('HGET', key, field)
	local was = parse_seen(stored)
	local rank, wary = place(EVIDENCE, evidence), tonumber(suspected)
	if stored and rank <= was.evidence and wary <= was.suspected then
		return
	end
	if not stored and redis.call('HLEN', key) >= tonumber(most) then
		redis.call('HINCRBY', key, '*', 1) -- not told, but counted
		return
	end
	local event = stored and 'rise' or 'new'
	local scale = { 'attempt', 'answered', 'two_way' }
	redis.call('HSET', key, field, table.concat({ scale[math.max(rank, was.evidence, 1)], part.sensor, part.seq, event,
		math.max(wary, was.suspected) }, '|'))
	part.news[#part.news + 1] = { event, sighting }
end

function run.expire(part, key, seconds)
	redis.call('EXPIRE', key, seconds)
end

-- Calls visit(operation, key, words...) for each operation.
local function each(part, args, at, visit)
	while at <= #args do
		local name = args[at]
		local n = #WORDS[name]
		visit(name, part.key(args[at + 1]), unpack(args, at + 2, at + n))
		at = at + 1 + n
	end
end

-- The news that this very part made when it was applied, asked again because the answer was lost.
local function old_news(part, args, at)
	each(part, args, at, function(name, key, most, field, evidence, suspected, sighting)
		if name ~= 'seen' then
			return
		end
		local was = parse_seen(redis.call('HGET', key, field))
		if was.sensor == part.sensor and was.seq == part.seq then
			part.news[#part.news + 1] = { was.event, sighting }
		end
	end)
end

local function new_part(keys, args)
	local part = { seq = args[2], sensor = args[4], news = {}, skipped = 0, picked = {} }
	part.key = function(index)
		local key = keys[tonumber(index)]
		return part.picked[key] or key
	end
	return part
end

-- status, number of the last part applied (for `behind`), Redis time in ms, news, counters skipped, fence as found
local function answer(part, status, last, fence)
	local now = redis.call('TIME')
	local ms = now[1] .. string.format('%03d', math.floor(tonumber(now[2]) / 1000))
	return { status, tostring(last), ms, part.news, tostring(part.skipped), fence }
end

-- The number of the sensor's last part here, or nil when the fence is of another life of the sensor or absent.
local function last_applied(fence, incarnation)
	local life, number = fence:match('^(%w+):(%d+)$')
	if life == incarnation then
		return number
	end
end

local function read_fence(key)
	local kind = redis.call('TYPE', key).ok
	if kind ~= 'none' and kind ~= 'string' then
		return nil, "key '" .. key .. "' is a " .. kind .. ', not a string; rename or delete it'
	end
	local fence = redis.call('GET', key) or ''
	if fence ~= '' and not fence:find('^%w+:%d+$') then
		return nil, "key '" .. key .. "' holds '" .. fence .. "', not incarnation:number; delete it"
	end
	return fence
end

local function head_problem(keys, args)
	if #keys < 1 or #args < 4 then
		return 'a part has a fence, incarnation, seq, prev and sensor'
	end
	if not args[1]:find('^%w+$') then
		return "'" .. args[1] .. "' is no incarnation"
	end
	if not args[2]:find('^%d+$') or not args[3]:find('^%d+$') or tonumber(args[3]) >= tonumber(args[2]) then
		return "seq '" .. args[2] .. "' does not follow prev '" .. args[3] .. "'"
	end
end

-- KEYS: the fence, then every key that the operations name. ARGV: incarnation, seq, prev, sensor, then the operations.
local function apply(keys, args)
	local why = head_problem(keys, args)
	if why then
		return refuse(why)
	end
	local fence, wrong = read_fence(keys[1])
	if wrong then
		return refuse(wrong)
	end
	local part = new_part(keys, args)
	local stored = last_applied(fence, args[1])
	local last, seq, prev = tonumber(stored or 0), tonumber(args[2]), tonumber(args[3])
	if last < prev then
		return answer(part, 'behind', stored or 0, fence)
	end
	why = problem(keys, args, 5)
	if why then
		return refuse(why)
	end
	if last >= seq then
		old_news(part, args, 5)
		return answer(part, 'already', stored, fence)
	end
	if last > prev then
		return refuse('seq ' .. args[2] .. ' after ' .. args[3] .. ', but ' .. stored .. ' is here: two chains with one incarnation')
	end
	redis.call('SET', keys[1], args[1] .. ':' .. args[2], 'EX', FENCE_SECONDS)
	each(part, args, 5, function(name, key, ...)
		run[name](part, key, ...)
	end)
	return answer(part, 'applied', args[2], fence)
end

-- A sensor's counters arrive as totals since it started; what they rose by since the last call goes to the hour. Calling twice
-- changes nothing. KEYS: sensor, its hours of the day. ARGV: started, hour (HH), seconds to keep the hours, number of plain
-- fields, their names and values, then names and totals.
local function sensor(keys, args)
	if #keys ~= 2 or #args < 4 or #args % 2 ~= 0 or not is_whole(args[1]) or not is_whole(args[3]) or not is_whole(args[4]) then
		return refuse('a sensor has two keys, started, hour, seconds, plain fields and totals')
	end
	local types, totals = {}, 5 + 2 * tonumber(args[4])
	local why = key_problem('H', keys[1], types) or key_problem('H', keys[2], types)
	for i = totals + 1, #args, 2 do
		why = why or word_problem('i', args[i])
	end
	if why then
		return refuse(why)
	end
	local same_life = redis.call('HGET', keys[1], 'started') == args[1]
	redis.call('HSET', keys[1], 'started', args[1])
	for i = 5, totals - 1, 2 do
		redis.call('HSET', keys[1], args[i], args[i + 1])
	end
	for i = totals, #args, 2 do
		local before = same_life and tonumber(redis.call('HGET', keys[1], args[i]) or nil) or 0
		local rise = tonumber(args[i + 1]) - before
		if rise > 0 then
			redis.call('HINCRBY', keys[2], args[2] .. '|' .. args[i], string.format('%.0f', rise))
		end
		if rise >= 0 or not same_life then
			redis.call('HSET', keys[1], args[i], args[i + 1])
		end
	end
	redis.call('HSET', keys[2], args[2] .. '|generation', redis.call('HGET', keys[1], 'generation') or '0')
	redis.call('EXPIRE', keys[1], FENCE_SECONDS)
	redis.call('EXPIRE', keys[2], args[3])
	return redis.status_reply('OK')
end

-- Every command once, on keys of its own that it deletes again: a right that is missing shows before there is data to lose.
-- KEYS: hash, set, sorted set, HyperLogLog, string, stream.
local function canary(keys)
	if #keys ~= 6 then
		return refuse('the canary has six keys')
	end
	local hash, set, zset, hll, text, stream = unpack(keys)
	redis.call('DEL', hash, set, zset, hll, text, stream)
	redis.call('TIME')
	redis.call('HSET', hash, 'field', '1')
	redis.call('HGET', hash, 'field')
	redis.call('HINCRBY', hash, 'field', '1')
	redis.call('HLEN', hash)
	redis.call('SADD', set, 'member')
	redis.call('SISMEMBER', set, 'member')
	redis.call('SCARD', set)
	redis.call('ZADD', zset, 'GT', '1', 'member')
	redis.call('ZADD', zset, 'LT', '1', 'member')
	redis.call('ZCARD', zset)
	redis.call('ZREMRANGEBYRANK', zset, 0, -2)
	redis.call('PFADD', hll, 'element')
	redis.call('PFCOUNT', hll)
	redis.call('SET', text, 'x:1', 'EX', 60)
	redis.call('GET', text)
	redis.call('TYPE', text)
	redis.call('XADD', stream, 'MAXLEN', '~', '1', '*', 'field', 'value')
	redis.call('XTRIM', stream, 'MAXLEN', '~', '1')
	redis.call('EXPIRE', hash, '60')
	redis.call('DEL', hash, set, zset, hll, text, stream)
	return REVISION
end

redis.register_function('ratwatch1_apply', apply)
redis.register_function('ratwatch1_sensor', sensor)
redis.register_function('ratwatch1_canary', canary)
