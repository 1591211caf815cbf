-- For wrk: requests the lines of a file in turn, each a path and, for a signed-in user, a token. Prints the number of responses and of
-- wrong ones at the end.
local requests = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    local path, token = line:match("^(%S+) ?(%S*)$")
    local headers = token ~= "" and { Authorization = "Bearer " .. token } or {}
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local errors = summary.errors
  local faults = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("done %d %d\n", summary.requests, faults))
end
