-- For wrk: posts orders, each with an id of its own, or one body from a file again and again; prints what came of it as JSON.
-- Arguments: "order" and a prefix, or "file" and its path.

local thread

function setup(t)
  thread = t
end

function init(args)
  count, accepted, headers = 0, 0, { ["Content-Type"] = "application/json" }
  if args[1] == "file" then
    local file = assert(io.open(args[2], "rb"))
    body = file:read("*a")
    file:close()
  else
    -- As long as an order's id may be.
    prefix, padding = args[2], string.rep("x", 128)
    response = nil
  end
end

function request()
  if body then return wrk.format("POST", nil, headers, body) end
  count = count + 1
  local id = (prefix .. count .. padding):sub(1, 128)
  return wrk.format("POST", nil, headers, '{"order_id":"' .. id .. '","expire_minutes":30}')
end

-- Only batches: each of their results has a status of its own.
function response(_, _, answer)
  local _, found = answer:gsub('"status":202', "")
  accepted = accepted + found
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  local percents, values = {}, {}
  for percent = 1, 99 do percents[percent] = percent end
  percents[100], percents[101] = 99.9, 99.99
  for i, percent in ipairs(percents) do values[i] = latency:percentile(percent) / 1000 end
  io.write(string.format(
    '\n{"requests":%d,"failed":%d,"accepted":%d,"seconds":%f,"percents":[%s],"values":[%s]}\n',
    summary.requests, failed, thread:get("accepted"), summary.duration / 1e6,
    table.concat(percents, ","), table.concat(values, ",")))
end
